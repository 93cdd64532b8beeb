// SPDX-License-Identifier: Apache-2.0
// A driver warns of a lost reference, on a kernel that is told to take warnings seriously.
#include "../lab.h"

static keep_frame int put_buffer(int users)
{
	return WARN(users < 0, "buffer put %d times too often\n", -users);
}

static keep_frame int release_buffers(void)
{
	int users = 2;

	while (users > -1)
		put_buffer(--users);
	return 0;
}

CRASH_ON_WRITE(release_buffers);
