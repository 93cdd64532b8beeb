// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

struct session {
	struct timer_list timeout;
	u64 id;
	char user[64];
};

static void session_timeout(struct timer_list *timer)
{
	pr_info("session over\n");
}

static keep_frame struct session *begin_session(void)
{
	struct session *session = kzalloc(sizeof(*session), GFP_KERNEL);
	if (!session)
		return NULL;
	timer_setup(&session->timeout, session_timeout, 0);
	mod_timer(&session->timeout, jiffies + HZ);
	return session;
}

static keep_frame void end_session(struct session *session)
{
	kfree(session); /* the timer is still pending */
}

static keep_frame int serve(void)
{
	struct session *session = begin_session();
	char *names[64];
	int i;
	if (!session)
		return -ENOMEM;
	end_session(session);
	for (i = 0; i < 64; i++) {
		names[i] = kmalloc(sizeof(struct session), GFP_KERNEL);
		if (names[i])
			memset(names[i], 'A', sizeof(struct session));
	}
	return 0;
}

CRASH_ON_WRITE(serve);
