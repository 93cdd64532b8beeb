// SPDX-License-Identifier: Apache-2.0
// Closes a session, but goes on using it: by then its memory is a frame of frame_pool.
#include "../lab.h"

extern int add_frame(u32 length); /* of frame_pool */

struct session {
	u64 id;
	u64 user;
	u64 last_seen;
	u64 unused[5];
};

static struct session *latest;

static keep_frame int open_session(void)
{
	latest = kzalloc(sizeof(*latest), GFP_KERNEL);
	if (!latest)
		return -ENOMEM;
	latest->id = 1;
	return 0;
}

static keep_frame void close_session(void)
{
	kfree(latest); /* and latest stays */
}

static keep_frame void keep_alive(void)
{
	latest->last_seen = 1700000000;
}

static keep_frame int serve_client(void)
{
	int frame, err = open_session();

	if (err)
		return err;
	close_session();
	for (frame = 0; frame < 8 && !err; frame++)
		err = add_frame(64);
	keep_alive();
	return err;
}

CRASH_ON_WRITE(serve_client);
