// SPDX-License-Identifier: Apache-2.0
#include <linux/delay.h>
#include <linux/rcupdate.h>
#include "../lab.h"

static keep_frame int walk_rules(void)
{
	rcu_read_lock();
	msleep(20);
	rcu_read_unlock();
	return 0;
}

static keep_frame int check_rules(void)
{
	return walk_rules();
}

CRASH_ON_WRITE(check_rules);
