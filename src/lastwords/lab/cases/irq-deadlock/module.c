// SPDX-License-Identifier: Apache-2.0
// Takes a lock without keeping softirqs out, and its timer, which comes just then on the same CPU, wants it too.
#include <linux/delay.h>
#include <linux/timer.h>
#include "../lab.h"

static DEFINE_SPINLOCK(stats_lock);
static struct timer_list expire_timer;
static u64 packets;

static keep_frame void expire_stats(struct timer_list *timer)
{
	spin_lock(&stats_lock);
	packets = 0;
	spin_unlock(&stats_lock);
	mod_timer(timer, jiffies + HZ / 50);
}

static keep_frame void sum_stats(void)
{
	spin_lock(&stats_lock); /* should be spin_lock_bh() */
	packets++;
	mdelay(100);
	spin_unlock(&stats_lock);
}

static keep_frame int read_stats(void)
{
	timer_setup(&expire_timer, expire_stats, TIMER_PINNED);
	preempt_disable(); /* the timer's CPU is ours */
	mod_timer(&expire_timer, jiffies + HZ / 50);
	sum_stats();
	preempt_enable();
	return 0;
}

CRASH_ON_WRITE(read_stats);
