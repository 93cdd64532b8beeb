// SPDX-License-Identifier: Apache-2.0
// A reader waits for news with the configuration locked; the writer who would bring them waits for the reader.
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/rwsem.h>
#include "../lab.h"

static DECLARE_RWSEM(config_lock);
static DECLARE_COMPLETION(config_changed);

static keep_frame int watch_config(void *unused)
{
	int err;

	down_read(&config_lock);
	err = wait_for_completion_interruptible(&config_changed);
	up_read(&config_lock);
	return err;
}

static keep_frame int change_config(void *unused)
{
	down_write(&config_lock);
	complete(&config_changed);
	up_write(&config_lock);
	return 0;
}

static keep_frame int start_threads(void)
{
	kthread_run(watch_config, NULL, "lab-reader");
	msleep(200);
	kthread_run(change_config, NULL, "lab-writer");
	return 0;
}

CRASH_ON_WRITE(start_threads);
