// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

static DEFINE_MUTEX(table_lock);
static int loads;

static keep_frame int load_table(int fail)
{
	mutex_lock(&table_lock);
	if (fail)
		return 0; /* still locked */
	mutex_unlock(&table_lock);
	return 0;
}

static keep_frame int reload(void)
{
	return load_table(loads++ == 0);
}

CRASH_ON_WRITE(reload);
