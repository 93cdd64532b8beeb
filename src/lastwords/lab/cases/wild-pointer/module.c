// SPDX-License-Identifier: Apache-2.0
// A list's next pointer was overwritten with what is no address at all.
#include "../lab.h"

struct session {
	struct session *next;
	u64 id;
};

static struct session second = { .next = NULL, .id = 2 };
static struct session first = { .next = &second, .id = 1 };

static keep_frame u64 find_session(u64 id)
{
	struct session *session;

	for (session = &first; session; session = session->next)
		if (session->id == id)
			return id;
	return 0;
}

static keep_frame int open_session(void)
{
	WRITE_ONCE(first.next, (struct session *)0x1badb0020badf00dUL);
	return find_session(3) ? 0 : -ENOENT;
}

CRASH_ON_WRITE(open_session);
