// SPDX-License-Identifier: Apache-2.0
// Its thread holds the lock and sleeps until the tuner says it is ready. It never does, and there is no time limit.
#include <linux/completion.h>
#include <linux/kthread.h>
#include "../lab.h"

DEFINE_MUTEX(tuner_lock);
EXPORT_SYMBOL_GPL(tuner_lock);

static DECLARE_COMPLETION(tuner_ready);

static keep_frame int scan_channels(void *unused)
{
	int err;

	mutex_lock(&tuner_lock);
	err = wait_for_completion_interruptible(&tuner_ready);
	mutex_unlock(&tuner_lock);
	return err;
}

static int __init tuner_core_init(void)
{
	return PTR_ERR_OR_ZERO(kthread_run(scan_channels, NULL, "tuner-scan"));
}

module_init(tuner_core_init);
MODULE_LICENSE("GPL");
