// SPDX-License-Identifier: Apache-2.0
/*
 * storage_mod 2.0: a block driver for QEMU's "edu" device (PCI 1234:11e8),
 * which has a DMA engine and an interrupt, but keeps nothing: what is written
 * stands in memory, the device only makes the transfers real.
 *
 * Version 2.0 moved the mapping of a request for DMA into a function of its
 * own. That function returns an error. storage_mod_write() does not look at
 * it, so a request that could not be mapped is queued without a descriptor,
 * and the interrupt handler finds NULL where the descriptor should be.
 */
#include <linux/blkdev.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/pci.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include "../lab.h"

#define STORAGE_SECTORS (64 << 20 >> SECTOR_SHIFT)
#define STORAGE_TAGS 4096
#define STORAGE_MAX_SECTORS 32

/* The device's registers (QEMU, docs/specs/edu.rst). */
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_ACK 0x64
#define EDU_DMA_SOURCE 0x80
#define EDU_DMA_TARGET 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 0x1
#define EDU_DMA_IRQ 0x4
#define EDU_BUFFER 0x40000

struct storage_desc {
	dma_addr_t address;
	u64 sector;
	u32 tag;
	u32 flags;
	u32 length; /* at 0x18 */
};

struct storage_req {
	struct list_head queue;
	struct bio *bio;
	u32 tag;
	struct storage_desc *desc;
};

struct storage_dev {
	struct pci_dev *pci;
	void __iomem *registers;
	u8 *memory;
	struct gendisk *disk;
	spinlock_t lock;
	struct list_head running;
	u32 next_tag;
	u64 written;
	struct storage_desc descriptors[STORAGE_TAGS];
};

static struct storage_dev *storage;

/* Map the pages of a request for DMA and fill in its descriptor. */
static keep_frame int storage_mod_map(struct storage_dev *dev, struct storage_req *req)
{
	struct bio_vec first = bio_iovec(req->bio);
	struct storage_desc *desc = &dev->descriptors[req->tag % STORAGE_TAGS];
	dma_addr_t address;

	address = dma_map_page(&dev->pci->dev, first.bv_page, first.bv_offset, first.bv_len, DMA_TO_DEVICE);
	if (dma_mapping_error(&dev->pci->dev, address)) {
		dev_err_ratelimited(&dev->pci->dev, "DMA mapping error, tag %u\n", req->tag);
		return -ENOMEM;
	}
	desc->address = address;
	desc->sector = req->bio->bi_iter.bi_sector;
	desc->tag = req->tag;
	desc->length = first.bv_len;
	req->desc = desc;
	return 0;
}

/* Let the device fetch the first page of what is queued; it interrupts when it is done. */
static void storage_mod_start(struct storage_dev *dev, struct storage_desc *desc)
{
	writeq(desc->address, dev->registers + EDU_DMA_SOURCE);
	writeq(EDU_BUFFER, dev->registers + EDU_DMA_TARGET);
	writeq(min_t(u32, desc->length, 2048), dev->registers + EDU_DMA_COUNT);
	writeq(EDU_DMA_START | EDU_DMA_IRQ, dev->registers + EDU_DMA_COMMAND);
}

static keep_frame void storage_mod_write(struct storage_dev *dev, struct bio *bio)
{
	struct storage_req *req = kzalloc(sizeof(*req), GFP_NOIO);
	unsigned long flags;

	if (!req) {
		bio->bi_status = BLK_STS_RESOURCE;
		bio_endio(bio);
		return;
	}
	INIT_LIST_HEAD(&req->queue);
	req->bio = bio;
	req->tag = dev->next_tag++;
	storage_mod_map(dev, req); /* 1.x ended the bio with BLK_STS_RESOURCE if this failed */

	spin_lock_irqsave(&dev->lock, flags);
	list_add_tail(&req->queue, &dev->running);
	if (req->desc && list_is_singular(&dev->running))
		storage_mod_start(dev, req->desc);
	spin_unlock_irqrestore(&dev->lock, flags);
}

/* A request is through: give its mapping back and tell who waits for it. */
static keep_frame void storage_mod_complete(struct storage_dev *dev, struct storage_req *req)
{
	struct storage_desc *desc = req->desc;

	dev->written += desc->length;
	dma_unmap_page(&dev->pci->dev, desc->address, desc->length, DMA_TO_DEVICE);
	list_del(&req->queue);
	bio_endio(req->bio);
	kfree(req);
}

static keep_frame irqreturn_t storage_mod_irq(int irq, void *data)
{
	struct storage_dev *dev = data;
	struct storage_req *req, *next;
	u32 status = readl(dev->registers + EDU_IRQ_STATUS);

	if (!status)
		return IRQ_NONE;
	writel(status, dev->registers + EDU_IRQ_ACK);
	spin_lock(&dev->lock);
	list_for_each_entry_safe(req, next, &dev->running, queue)
		storage_mod_complete(dev, req);
	spin_unlock(&dev->lock);
	return IRQ_HANDLED;
}

/* Copy between the bio's pages and our memory. */
static void storage_mod_copy(struct storage_dev *dev, struct bio *bio)
{
	u8 *memory = dev->memory + ((size_t)bio->bi_iter.bi_sector << SECTOR_SHIFT);
	struct bvec_iter iter;
	struct bio_vec part;

	bio_for_each_segment(part, bio, iter) {
		u8 *page = kmap_atomic(part.bv_page);

		if (bio_data_dir(bio) == WRITE)
			memcpy(memory, page + part.bv_offset, part.bv_len);
		else
			memcpy(page + part.bv_offset, memory, part.bv_len);
		kunmap_atomic(page);
		memory += part.bv_len;
	}
}

static void storage_mod_submit(struct bio *bio)
{
	bio = bio_split_to_limits(bio);
	if (!bio)
		return;
	if (bio_has_data(bio) && bio_end_sector(bio) <= STORAGE_SECTORS)
		storage_mod_copy(storage, bio);
	if (bio_has_data(bio) && bio_data_dir(bio) == WRITE)
		storage_mod_write(storage, bio);
	else
		bio_endio(bio);
}

static const struct block_device_operations storage_mod_operations = {
	.owner = THIS_MODULE,
	.submit_bio = storage_mod_submit,
};

static struct gendisk *storage_mod_new_disk(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	struct queue_limits limits = { .max_hw_sectors = STORAGE_MAX_SECTORS };

	return blk_alloc_disk(&limits, NUMA_NO_NODE);
#else
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	blk_queue_max_hw_sectors(disk->queue, STORAGE_MAX_SECTORS);
	return disk;
#endif
}

static int storage_mod_probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct storage_dev *dev = kvzalloc(sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return -ENOMEM;
	storage = dev;
	dev->pci = pci;
	spin_lock_init(&dev->lock);
	INIT_LIST_HEAD(&dev->running);
	dev->memory = vzalloc((size_t)STORAGE_SECTORS << SECTOR_SHIFT);
	if (!dev->memory)
		return -ENOMEM;
	err = pcim_enable_device(pci);
	if (err)
		return err;
	pci_set_master(pci);
	err = dma_set_mask_and_coherent(&pci->dev, DMA_BIT_MASK(32));
	if (err)
		return err;
	dev->registers = pcim_iomap(pci, 0, 0);
	if (!dev->registers)
		return -ENOMEM;
	err = pci_alloc_irq_vectors(pci, 1, 1, PCI_IRQ_MSI);
	if (err < 0)
		return err;
	err = request_irq(pci_irq_vector(pci, 0), storage_mod_irq, 0, "storage_mod", dev);
	if (err)
		return err;
	dev->disk = storage_mod_new_disk();
	if (IS_ERR(dev->disk))
		return PTR_ERR(dev->disk);
	dev->disk->fops = &storage_mod_operations;
	strscpy(dev->disk->disk_name, "storage0", DISK_NAME_LEN);
	set_capacity(dev->disk, STORAGE_SECTORS);
	err = add_disk(dev->disk);
	if (err)
		return err;
	dev_info(&pci->dev, "version 2.0, storage0: %u MiB, firmware %08x\n", STORAGE_SECTORS >> 11,
		 readl(dev->registers));
	return 0;
}

static const struct pci_device_id storage_mod_ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };
MODULE_DEVICE_TABLE(pci, storage_mod_ids);

static struct pci_driver storage_mod_driver = {
	.name = "storage_mod",
	.id_table = storage_mod_ids,
	.probe = storage_mod_probe,
};
module_pci_driver(storage_mod_driver);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("lastwords lab");
MODULE_VERSION("2.0");
