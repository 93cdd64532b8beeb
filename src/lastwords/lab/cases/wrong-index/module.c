// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

typedef int (*handler_t)(int);

static int no_op(int value)
{
	return value;
}

static int negate(int value)
{
	return -value;
}

static struct {
	handler_t handlers[2];
	u64 masks[4]; /* what handlers[2] and those behind it would be */
} table = {
	.handlers = { no_op, negate },
	.masks = { 0x1122334455667788ull, 0x2233445566778899ull },
};

static keep_frame int dispatch(unsigned int command, int value)
{
	handler_t handler = READ_ONCE(table.handlers[command]);

	return handler(value);
}

static keep_frame int handle_request(void)
{
	static unsigned int command = 3;

	return dispatch(READ_ONCE(command), 7);
}

CRASH_ON_WRITE(handle_request);
