// SPDX-License-Identifier: Apache-2.0
#include <linux/workqueue.h>
#include "../lab.h"

static void collect_stats(struct work_struct *work)
{
	pr_debug("collected\n");
}

static DECLARE_DELAYED_WORK(stats_work, collect_stats);

static int __init stats_init(void)
{
	schedule_delayed_work(&stats_work, 2 * HZ);
	return 0;
}

static void __exit stats_exit(void)
{
	/* cancel_delayed_work_sync() is missing */
}

module_init(stats_init);
module_exit(stats_exit);
MODULE_LICENSE("GPL");
