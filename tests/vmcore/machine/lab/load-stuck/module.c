// SPDX-License-Identifier: Apache-2.0
// One thread for each way to wait, each named after its function; a stuck work item; leaked pages.
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/rtmutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include "../lab.h"

#define LEAKED_PAGES 6144
#define LEAKED_OBJECTS 8192

struct load_dev {
	char name[40];
	struct mutex lock;
	struct rw_semaphore config_sem;
};

static struct load_dev *dev;
static DEFINE_MUTEX(table_lock);
static DEFINE_MUTEX(mixed_lock);
static DECLARE_RWSEM(mixed_sem);
static DEFINE_RT_MUTEX(pi_lock);
static struct semaphore slots = __SEMAPHORE_INITIALIZER(slots, 1);
static struct percpu_rw_semaphore hot_sem;
static struct workqueue_struct *queue;

static void forever(void)
{
	for (;;)
		msleep(100000);
}

#define THREAD(name, body)                                                     \
	static keep_frame int name(void *unused)                               \
	{                                                                      \
		body;                                                          \
		forever();                                                     \
		return 0;                                                      \
	}

THREAD(flush_queue, mutex_lock(&dev->lock); msleep(300); mutex_lock(&table_lock))
THREAD(update_table, mutex_lock(&table_lock); msleep(300); mutex_lock(&dev->lock))
THREAD(third_user, msleep(700); mutex_lock(&table_lock))
THREAD(killable_user, msleep(900); if (mutex_lock_killable(&table_lock)) msleep(1))
THREAD(config_reader, down_read(&dev->config_sem))
THREAD(config_writer, msleep(200); down_write(&dev->config_sem))
THREAD(late_reader, msleep(400); down_read(&dev->config_sem))
THREAD(mixed_writer, down_write(&mixed_sem); msleep(300); mutex_lock(&mixed_lock))
THREAD(mixed_reader, mutex_lock(&mixed_lock); msleep(300); down_read(&mixed_sem))
THREAD(sem_holder, down(&slots))
THREAD(sem_waiter, msleep(200); down(&slots))
THREAD(hot_reader, percpu_down_read(&hot_sem))
THREAD(hot_writer, msleep(200); percpu_down_write(&hot_sem))
THREAD(hot_late, msleep(1500); percpu_down_read(&hot_sem))
THREAD(rt_holder, rt_mutex_lock(&pi_lock))
THREAD(rt_waiter, msleep(200); rt_mutex_lock(&pi_lock))

static void stuck_work(struct work_struct *unused)
{
	mutex_lock(&table_lock);
}
static DECLARE_WORK(first, stuck_work);

static void work_behind(struct work_struct *unused)
{
	msleep(1);
}
static DECLARE_WORK(second, work_behind);

static keep_frame void *leak_table(void)
{
	return vmalloc(8 << 20);
}

static keep_frame void leak_pages(void)
{
	int i, word;

	for (i = 0; i < LEAKED_PAGES; i++) {
		unsigned long *page = (void *)__get_free_page(GFP_KERNEL);

		for (word = 0; page && word < 512; word++)
			page[word] = word % 8 ? word : (unsigned long)leak_pages;
	}
	for (i = 0; i < LEAKED_OBJECTS; i++)
		if (!kzalloc(512, GFP_KERNEL))
			break;
}

static keep_frame int start_threads(void)
{
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	mutex_init(&dev->lock);
	init_rwsem(&dev->config_sem);
	percpu_init_rwsem(&hot_sem);
#define RUN(name) kthread_run(name, NULL, #name)
	RUN(flush_queue);
	RUN(update_table);
	RUN(third_user);
	RUN(killable_user);
	RUN(config_reader);
	RUN(config_writer);
	RUN(late_reader);
	RUN(mixed_writer);
	RUN(mixed_reader);
	RUN(sem_holder);
	RUN(sem_waiter);
	RUN(hot_reader);
	RUN(hot_writer);
	RUN(hot_late);
	RUN(rt_holder);
	RUN(rt_waiter);
	msleep(2000);
	queue = alloc_ordered_workqueue("load_queue", 0);
	queue_work(queue, &first);
	queue_work(queue, &second);
	leak_pages();
	leak_table();
	return 0;
}

CRASH_ON_WRITE(start_threads);
