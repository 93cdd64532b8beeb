// SPDX-License-Identifier: Apache-2.0
// A reference is put twice.
#include <linux/refcount.h>
#include "../lab.h"

struct channel {
	refcount_t users;
};

static keep_frame void put_channel(struct channel *channel)
{
	if (refcount_dec_and_test(&channel->users))
		pr_info("refcount: last user has gone\n");
}

static keep_frame int close_channel(void)
{
	static struct channel channel;

	refcount_set(&channel.users, 1);
	put_channel(&channel);
	put_channel(&channel);
	return 0;
}

CRASH_ON_WRITE(close_channel);
