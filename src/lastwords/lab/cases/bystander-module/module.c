// SPDX-License-Identifier: Apache-2.0
// Blinks. It is out of tree and taints the kernel, and there is no mistake in it.
#include <linux/timer.h>
#include "../lab.h"

static struct timer_list blink_timer;
static bool lit;

static keep_frame void blink(struct timer_list *timer)
{
	lit = !lit;
	mod_timer(timer, jiffies + HZ / 50);
}

static int start_blinking(void)
{
	timer_setup(&blink_timer, blink, 0);
	mod_timer(&blink_timer, jiffies + HZ / 50);
	return 0;
}

CRASH_ON_WRITE(start_blinking);
