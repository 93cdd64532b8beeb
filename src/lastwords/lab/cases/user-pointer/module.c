// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

struct config {
	u64 rate;
	u64 depth;
};

static char __user *given;

static keep_frame u64 read_config(const struct config *config)
{
	return READ_ONCE(config->rate) * READ_ONCE(config->depth);
}

static keep_frame int configure(void)
{
	given = (char __user *)current->mm->start_stack;
	return read_config((const struct config *)((unsigned long)given & ~0xfful)) ? 0 : -EINVAL;
}

CRASH_ON_WRITE(configure);
