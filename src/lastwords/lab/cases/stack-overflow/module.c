// SPDX-License-Identifier: Apache-2.0
// A parser of nested records calls itself for every level, and the levels come from outside.
#include "../lab.h"

static keep_frame int parse_record(int depth)
{
	char name[256];

	snprintf(name, sizeof(name), "record at depth %d", depth);
	if (depth == 0)
		return 0;
	return parse_record(depth - 1) + (name[0] == 'x');
}

static keep_frame int parse_file(void)
{
	return parse_record(1000);
}

CRASH_ON_WRITE(parse_file);
