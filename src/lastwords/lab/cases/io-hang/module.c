// SPDX-License-Identifier: Apache-2.0
// A block driver whose device stops answering: from some request on none is ever completed.
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/version.h>
#include "../lab.h"

static struct blk_mq_tag_set tags;
static struct gendisk *disk;
static atomic_t sent;

static keep_frame blk_status_t io_hang_queue_rq(struct blk_mq_hw_ctx *context, const struct blk_mq_queue_data *data)
{
	blk_mq_start_request(data->rq);
	if (atomic_inc_return(&sent) <= 20)
		blk_mq_end_request(data->rq, BLK_STS_OK);
	return BLK_STS_OK; /* given to the device, which will interrupt when it is done */
}

static enum blk_eh_timer_return io_hang_timeout(struct request *request)
{
	return BLK_EH_RESET_TIMER; /* some day it will come */
}

static const struct blk_mq_ops io_hang_mq_operations = {
	.queue_rq = io_hang_queue_rq,
	.timeout = io_hang_timeout,
};

static const struct block_device_operations io_hang_operations = { .owner = THIS_MODULE };

static int __init io_hang_init(void)
{
	int err;

	tags.ops = &io_hang_mq_operations;
	tags.nr_hw_queues = 1;
	tags.queue_depth = 32;
	tags.numa_node = NUMA_NO_NODE;
	tags.flags = BLK_MQ_F_SHOULD_MERGE;
	err = blk_mq_alloc_tag_set(&tags);
	if (err)
		return err;
	disk = blk_mq_alloc_disk(&tags, NULL);
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	disk->fops = &io_hang_operations;
	strscpy(disk->disk_name, "slow0", DISK_NAME_LEN);
	set_capacity(disk, 64 << 20 >> SECTOR_SHIFT);
	return add_disk(disk);
}

module_init(io_hang_init);
MODULE_LICENSE("GPL");
