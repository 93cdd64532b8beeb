// SPDX-License-Identifier: Apache-2.0
// Computes without end in a thread of low priority, and gives way whenever it should. There is no mistake in it.
#include <linux/kthread.h>
#include <linux/sched.h>
#include "../lab.h"

static u32 sum;

static keep_frame u32 crc_block(u32 crc)
{
	unsigned int i;

	for (i = 0; i < 100000; i++)
		crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320 : i);
	return crc;
}

static keep_frame int crc_thread(void *unused)
{
	while (!kthread_should_stop()) {
		WRITE_ONCE(sum, crc_block(sum));
		cond_resched();
	}
	return 0;
}

static int __init crc_mod_init(void)
{
	struct task_struct *worker = kthread_create_on_cpu(crc_thread, NULL, 0, "crc-worker");

	if (IS_ERR(worker))
		return PTR_ERR(worker);
	wake_up_process(worker);
	return 0;
}

module_init(crc_mod_init);
MODULE_LICENSE("GPL");
