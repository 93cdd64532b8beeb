// SPDX-License-Identifier: Apache-2.0
// Two threads take two mutexes in opposite order.
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include "../lab.h"

static DEFINE_MUTEX(table_lock);
static DEFINE_MUTEX(queue_lock);

static keep_frame int flush_queue(void *unused)
{
	mutex_lock(&queue_lock);
	msleep(300);
	mutex_lock(&table_lock);
	mutex_unlock(&table_lock);
	mutex_unlock(&queue_lock);
	return 0;
}

static keep_frame int update_table(void *unused)
{
	mutex_lock(&table_lock);
	msleep(300);
	mutex_lock(&queue_lock);
	mutex_unlock(&queue_lock);
	mutex_unlock(&table_lock);
	return 0;
}

static keep_frame int start_threads(void)
{
	kthread_run(flush_queue, NULL, "lab-flush");
	msleep(100);
	kthread_run(update_table, NULL, "lab-update");
	return 0;
}

CRASH_ON_WRITE(start_threads);
