// SPDX-License-Identifier: Apache-2.0
// Faults in the kernel's own functions, on what a module gave them. Writing a case's name to /dev/battery sets it off; what is to
// be found out of each stands in inside.toml.
#include <linux/completion.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/radix-tree.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#define frame noinline __attribute__((noipa))

asm(".text; .skip 64, 0xcc");

struct unit {
	u64 number;
	struct mutex lock; /* at 0x08 */
	struct workqueue_struct *queue;
	struct work_struct work;
	struct task_struct *worker;
	struct file *log;
	struct sk_buff *packet;
	struct rb_root tree;
	struct xarray *table;
	struct seq_file *output;
	struct path path;
	const char *name;
	struct completion *done;
	struct timer_list timer;
	wait_queue_head_t waiters;
	struct wait_queue_entry waiter;
	struct kobject kobject;
	struct unit *next;
};

static struct unit *unit;
static struct file file;
static struct inode inode;
static struct sk_buff packet;

// mutex: of an object that is not there.
static frame int lock_unit(struct unit *unit)
{
	mutex_lock(&unit->next->lock);
	return unit->number;
}

// work: the queue was never made.
static void nothing(struct work_struct *work)
{
}

static frame int start_work(struct unit *unit)
{
	INIT_WORK(&unit->work, nothing);
	return queue_work(unit->queue, &unit->work) + 1;
}

// wake: the thread was never started.
static frame int wake_worker(struct unit *unit)
{
	return wake_up_process(unit->worker) + 1;
}

// fsync: a file without operations.
static frame int sync_log(struct unit *unit)
{
	unit->log = &file;
	file.f_op = NULL;
	file.f_inode = &inode;
	file.f_mapping = &inode.i_data;
	return vfs_fsync(unit->log, 0) + 1;
}

// d-path: a path without a dentry.
static char text[64];

static frame int show_path(struct unit *unit)
{
	return IS_ERR(d_path(&unit->path, text, sizeof(text))) + 1;
}

// strlen: of a name that is not there.
static frame int name_length(struct unit *unit)
{
	return kstrdup(unit->name + 1, GFP_KERNEL) != NULL;
}

// complete: whoever waits left poison behind.
static frame int finish_unit(struct unit *unit)
{
	complete(unit->done);
	return unit->number;
}

// rbtree: a node whose parent is garbage.
static struct rb_node node;

static frame int remove_node(struct unit *unit)
{
	node.__rb_parent_color = 0x4141414141414140UL;
	rb_erase(&node, &unit->tree);
	return unit->number;
}

// xarray: no table.
static frame int find_entry(struct unit *unit)
{
	return xa_load(unit->table, 5) != NULL;
}

// seq: no file to write to.
static frame int print_unit(struct unit *unit)
{
	seq_puts(unit->output, "unit");
	return unit->number;
}

// skb: a packet whose device is not there.
static frame int drop_packet(struct unit *unit)
{
	unit->packet = &packet;
	refcount_set(&packet.users, 1);
	packet.head = (void *)0x0000dead00001000UL;
	packet.end = 0x40;
	kfree_skb(unit->packet);
	return unit->number;
}

// wait: the list of waiters was never set up.
static frame int add_waiter(struct unit *unit)
{
	init_waitqueue_entry(&unit->waiter, current);
	add_wait_queue(&unit->waiters, &unit->waiter);
	return unit->number;
}

// timer: deleted by hand before.
static frame int stop_timer(struct unit *unit)
{
	timer_setup(&unit->timer, NULL, 0);
	unit->timer.entry.pprev = LIST_POISON2;
	return del_timer(&unit->timer) + 1;
}

// kobject: its parent is a number.
static frame int add_kobject(struct unit *unit)
{
	unit->kobject.parent = (void *)0x40;
	unit->kobject.name = "unit";
	return kobject_uevent(&unit->kobject, KOBJ_ADD) + 1;
}

// iput: an inode without a superblock.
static frame int drop_inode(void)
{
	atomic_set(&inode.i_count, 1);
	inode.i_nlink ? 0 : set_nlink(&inode, 1);
	iput(&inode);
	return 1;
}

static int run(const char *name)
{
	if (!strcmp(name, "mutex"))
		return lock_unit(unit);
	if (!strcmp(name, "work"))
		return start_work(unit);
	if (!strcmp(name, "wake"))
		return wake_worker(unit);
	if (!strcmp(name, "fsync"))
		return sync_log(unit);
	if (!strcmp(name, "d-path"))
		return show_path(unit);
	if (!strcmp(name, "strlen"))
		return name_length(unit);
	if (!strcmp(name, "complete")) {
		static struct completion done;

		unit->done = &done;
		init_completion(&done);
		done.wait.task_list.next = LIST_POISON1;
		return finish_unit(unit);
	}
	if (!strcmp(name, "rbtree"))
		return remove_node(unit);
	if (!strcmp(name, "xarray"))
		return find_entry(unit);
	if (!strcmp(name, "seq"))
		return print_unit(unit);
	if (!strcmp(name, "skb"))
		return drop_packet(unit);
	if (!strcmp(name, "wait"))
		return add_waiter(unit);
	if (!strcmp(name, "timer-list"))
		return stop_timer(unit);
	if (!strcmp(name, "kobject"))
		return add_kobject(unit);
	if (!strcmp(name, "iput"))
		return drop_inode();
	return -ENOENT;
}

static ssize_t battery_write(struct file *file, const char __user *data, size_t size, loff_t *offset)
{
	char name[32] = "";
	int err;

	if (size >= sizeof(name) || copy_from_user(name, data, size))
		return -EINVAL;
	err = run(strim(name));
	return err < 0 ? err : size;
}

static const struct file_operations battery_operations = {
	.owner = THIS_MODULE,
	.write = battery_write,
};

static struct miscdevice battery_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "battery",
	.fops = &battery_operations,
};

static int __init battery_init(void)
{
	unit = kzalloc(sizeof(*unit), GFP_KERNEL);
	return unit ? misc_register(&battery_device) : -ENOMEM;
}
module_init(battery_init);
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
