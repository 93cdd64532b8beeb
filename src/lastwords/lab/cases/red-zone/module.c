// SPDX-License-Identifier: Apache-2.0
// One byte too many is written behind a buffer. The kernel watches the bytes behind it.
#include "../lab.h"

static keep_frame void copy_name(char *name, size_t size)
{
	memset(name, 'x', size);
}

static keep_frame int set_name(void)
{
	char *name = kmalloc(64, GFP_KERNEL);
	size_t size = 72;

	if (!name)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(size);
	copy_name(name, size);
	kfree(name);
	return 0;
}

CRASH_ON_WRITE(set_name);
