// SPDX-License-Identifier: Apache-2.0
// A timer's callback, which may not sleep, sleeps.
#include <linux/delay.h>
#include <linux/timer.h>
#include "../lab.h"

static struct timer_list poll_timer;

static keep_frame void reset_port(void)
{
	msleep(20);
}

static keep_frame void poll_port(struct timer_list *timer)
{
	reset_port();
	pr_info("sched_atomic: port is reset\n");
}

static int start_polling(void)
{
	timer_setup(&poll_timer, poll_port, 0);
	mod_timer(&poll_timer, jiffies + HZ / 10);
	msleep(1000);
	return 0;
}

CRASH_ON_WRITE(start_polling);
