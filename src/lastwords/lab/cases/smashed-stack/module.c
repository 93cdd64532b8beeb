// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

static char longest[96];

static keep_frame void put_name(char *to)
{
	memcpy(to, longest, READ_ONCE(longest[0]) ? sizeof(longest) : 4);
}

static keep_frame int copy_name(void)
{
	char name[16];
	put_name(name);
	return name[3];
}

static keep_frame int set_label(void)
{
	memset(longest, 'x', sizeof(longest));
	return copy_name() ? 0 : -EINVAL;
}

CRASH_ON_WRITE(set_label);
