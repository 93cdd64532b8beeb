// SPDX-License-Identifier: Apache-2.0
// Its timer waits, in softirq context, for a ring to become empty that nobody empties.
#include <linux/timer.h>
#include "../lab.h"

static struct timer_list poll_timer;
static unsigned int filled = 8, emptied;

static keep_frame void drain_ring(void)
{
	while (READ_ONCE(emptied) != READ_ONCE(filled))
		cpu_relax();
}

static keep_frame void poll_port(struct timer_list *timer)
{
	drain_ring();
	mod_timer(timer, jiffies + HZ / 10);
}

static int start_polling(void)
{
	timer_setup(&poll_timer, poll_port, TIMER_PINNED);
	mod_timer(&poll_timer, jiffies + HZ / 10);
	return 0;
}

CRASH_ON_WRITE(start_polling);
