// SPDX-License-Identifier: Apache-2.0
// A callback points to data.
#include "../lab.h"

static u64 table[8] = { 1, 2, 3 };
static void (*callback)(void);

static keep_frame void notify(void)
{
	READ_ONCE(callback)();
}

static keep_frame int change_state(void)
{
	WRITE_ONCE(callback, (void (*)(void))table);
	notify();
	return 0;
}

CRASH_ON_WRITE(change_state);
