// SPDX-License-Identifier: Apache-2.0
// One CPU takes a spinlock with interrupts off and stays; another one wants the lock.
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include "../lab.h"

static DEFINE_SPINLOCK(ring_lock);

static void late_timer(struct timer_list *unused)
{
}
static DEFINE_TIMER(lateness, late_timer);

static void late_work(struct work_struct *unused)
{
}
static DECLARE_WORK(stuck_work, late_work);

static keep_frame int hog_ring(void *unused)
{
	unsigned long flags;

	spin_lock_irqsave(&ring_lock, flags);
	lateness.expires = jiffies + HZ / 5;
	add_timer_on(&lateness, smp_processor_id());
	queue_work_on(smp_processor_id(), system_wq, &stuck_work);
	mdelay(6000);
	pr_emerg("holds the lock for ever\n");
	for (;;)
		cpu_relax();
	return 0;
}

static keep_frame int want_ring(void *unused)
{
	while (!spin_is_locked(&ring_lock))
		cond_resched();
	spin_lock(&ring_lock);
	return 0;
}

static void start_on(int cpu, int (*run)(void *), const char *name)
{
	struct task_struct *task = kthread_create(run, NULL, name);

	kthread_bind(task, cpu);
	wake_up_process(task);
}

static keep_frame int start_threads(void)
{
	/* Loading a module leaves work that waits for all CPUs: not behind us, please. */
	msleep(1500);
	start_on(0, want_ring, "want_ring");
	start_on(1, hog_ring, "hog_ring");
	return 0;
}

CRASH_ON_WRITE(start_threads);
