// SPDX-License-Identifier: Apache-2.0
// Holds its lock, interrupts off, and waits for a bit that never comes.
#include <linux/kthread.h>
#include "../lab.h"

DEFINE_SPINLOCK(hub_lock);
EXPORT_SYMBOL_GPL(hub_lock);

static unsigned long status;
static struct task_struct *poller;

static keep_frame void wait_for_data(void)
{
	while (!(READ_ONCE(status) & 1))
		cpu_relax();
}

static keep_frame int poll_sensor(void *unused)
{
	unsigned long flags;

	set_current_state(TASK_INTERRUPTIBLE);
	schedule(); /* until start_reading() */
	spin_lock_irqsave(&hub_lock, flags);
	wait_for_data();
	spin_unlock_irqrestore(&hub_lock, flags);
	return 0;
}

void start_reading(void)
{
	wake_up_process(poller);
}
EXPORT_SYMBOL_GPL(start_reading);

static int __init sensor_hub_init(void)
{
	poller = kthread_create_on_cpu(poll_sensor, NULL, 1, "sensor-poll");
	if (IS_ERR(poller))
		return PTR_ERR(poller);
	wake_up_process(poller);
	return 0;
}

module_init(sensor_hub_init);
MODULE_LICENSE("GPL");
