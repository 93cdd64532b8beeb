// SPDX-License-Identifier: Apache-2.0
// An error path frees what its caller frees as well.
#include "../lab.h"

static keep_frame int fill_buffer(void *buffer)
{
	kfree(buffer);
	return -EIO;
}

static keep_frame int read_buffer(void)
{
	void *buffer = kzalloc(192, GFP_KERNEL);
	int err;

	if (!buffer)
		return -ENOMEM;
	err = fill_buffer(buffer);
	OPTIMIZER_HIDE_VAR(buffer);
	kfree(buffer);
	return err;
}

CRASH_ON_WRITE(read_buffer);
