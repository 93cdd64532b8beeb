// SPDX-License-Identifier: Apache-2.0
// Small faults on bad pointers, one for each way in which a bad pointer travels. Writing a case's name to /dev/battery sets it
// off. What is to be found out of each stands in answers.toml.
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

// Keeps a function's frame in the trace: no inlining, no cloning.
#define frame noinline __attribute__((noipa))

// The kernel prints no code where the 42 bytes before a fault are not mapped.
asm(".text; .skip 64, 0xcc");

#ifdef CONFIG_ARM64
#define all_registers_change()                                                                                        \
	asm volatile("" ::: "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",   \
		     "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",       \
		     "x27", "x28", "x30", "memory")
#else
#define all_registers_change()                                                                                        \
	asm volatile("" ::: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",  \
		     "r15", "rbp", "memory")
#endif

struct descriptor {
	u64 address;
	u64 next;
	u64 owner;
	u32 bytes; /* at 0x18 */
};

struct ring {
	u32 head, tail;
	struct descriptor *slots[8]; /* at 0x08 */
};

struct device_operations {
	int (*open)(void *device);
	int (*read)(void *device, u64 at); /* at 0x08 */
};

struct request {
	u64 tag;
	u64 sector;
	struct descriptor *descriptor; /* at 0x10 */
	u32 bytes;
};

struct storage {
	char name[16];
	struct descriptor *current_descriptor; /* at 0x10 */
	const struct device_operations *operations; /* at 0x18 */
	struct list_head requests; /* at 0x20 */
	struct ring ring; /* at 0x30 */
	struct timer_list timer;
	struct request embedded;
	struct file *file;
};

struct queued {
	u64 number;
	struct list_head link; /* at 0x08 */
	struct descriptor *descriptor; /* at 0x18 */
};

static struct storage *storage;
static struct descriptor *last_descriptor;
static u64 sum;

static frame u32 descriptor_bytes(struct descriptor *descriptor)
{
	return descriptor->bytes;
}

// null-argument: the caller passes a constant NULL.
static frame int reset_device(struct storage *device)
{
	sum += descriptor_bytes(NULL);
	return device->ring.head;
}

// field-deep: loaded in start_request, used two calls further down.
static frame u32 check_descriptor(struct descriptor *descriptor, u64 sector)
{
	u32 bytes = descriptor_bytes(descriptor);

	return bytes + (sector & 7);
}

static frame int start_request(struct request *request)
{
	return check_descriptor(request->descriptor, request->sector) + 1;
}

static frame int submit_request(u64 sector)
{
	struct request *request = kzalloc(sizeof(*request), GFP_KERNEL);
	int err;

	request->sector = sector;
	request->bytes = 512;
	err = start_request(request);
	kfree(request);
	return err;
}

// null-returned: find_storage finds nothing.
static frame struct storage *find_storage(const char *name)
{
	if (storage && !strcmp(storage->name, name))
		return storage;
	return NULL;
}

static frame int attach(struct storage *device, u32 flags)
{
	return device->ring.tail + flags;
}

static frame int attach_by_name(const char *name)
{
	struct storage *found = find_storage(name);

	sum++;
	return attach(found, 3) + 1;
}

// err-ptr: nobody looks whether it is an error.
static frame struct descriptor *allocate_descriptor(u32 bytes)
{
	if (bytes > 4096)
		return ERR_PTR(-ENOMEM);
	return kzalloc(sizeof(struct descriptor), GFP_KERNEL);
}

static frame int grow(u32 bytes)
{
	struct descriptor *descriptor = allocate_descriptor(bytes);

	return descriptor_bytes(descriptor) + 1;
}

// tail-call: read_current loads, and is gone from the stack.
static frame u32 read_current(struct storage *device)
{
	return descriptor_bytes(device->current_descriptor);
}

static frame int poll_device(struct storage *device)
{
	return read_current(device) + 1;
}

// clone: GCC makes a copy of it without the arguments that never differ.
static noinline int bind(struct storage *device, struct request *request, int mode, u64 *total)
{
	if (mode == 1)
		*total += request->sector;
	*total += request->descriptor->bytes;
	return device->name[0] == 'x';
}

static frame int bind_all(struct storage *device)
{
	return bind(device, &device->embedded, 0, &sum) + bind(device, &device->embedded, 0, &sum);
}

// callee-saved: the pointer waits in a register while other functions run.
static frame int idle(u64 value)
{
	sum += value;
	return value & 3;
}

static frame int flush(struct storage *device)
{
	struct descriptor *descriptor = device->current_descriptor;
	int idled = idle(1);

	idled += idle(2);
	if (idled > 100)
		return -EIO;
	return descriptor_bytes(descriptor) + idled;
}

// list-loop: the third entry has none.
static frame u64 add_up(struct list_head *requests)
{
	struct queued *queued;
	u64 total = 0;

	list_for_each_entry(queued, requests, link) {
		total += idle(queued->number);
		total += queued->descriptor->bytes;
	}
	return total;
}

static frame int queue_three(struct storage *device)
{
	int i;

	for (i = 0; i < 3; i++) {
		struct queued *queued = kzalloc(sizeof(*queued), GFP_KERNEL);

		queued->number = i;
		queued->descriptor = i < 2 ? kzalloc(sizeof(struct descriptor), GFP_KERNEL) : NULL;
		list_add_tail(&queued->link, &device->requests);
	}
	return add_up(&device->requests);
}

// branch: two ways to get one; the first was taken.
static frame int choose(struct storage *device, struct request *request, u32 flags)
{
	struct descriptor *descriptor;

	if (flags & 4)
		descriptor = request->descriptor;
	else
		descriptor = allocate_descriptor(64);
	idle(5);
	return descriptor->bytes + 1;
}

// array: one slot of the ring is empty.
static frame int take_slot(struct storage *device, u32 number)
{
	struct descriptor *descriptor = device->ring.slots[number & 7];

	return descriptor->bytes + 1;
}

// index: the pointer is sound, the index is not.
static frame int take_bytes(u64 *table, u64 index)
{
	return table[index] + 1;
}

static frame int take_wild(struct storage *device)
{
	return take_bytes(&device->embedded.tag, device->embedded.sector) + 1;
}

// operations: the function pointer is missing.
static int open_device(void *device)
{
	return 0;
}

static const struct device_operations half_operations = { .open = open_device };

static frame int read_device(struct storage *device, u64 at)
{
	if (device->operations->open(device))
		return -EIO;
	return device->operations->read(device, at) + 1;
}

// operations-tail: the same, and the function that calls it is gone from the stack.
static frame int read_device_tail(struct storage *device, u64 at)
{
	return device->operations->read(device, at);
}

static frame int read_twice(struct storage *device)
{
	return read_device_tail(device, 1) + 1;
}

// freed: only with slub_debug=P is its memory full of 0x6b.
static frame int finish(struct request *request)
{
	return request->descriptor->bytes + 1;
}

static frame int finish_freed(void)
{
	struct request *request = kzalloc(sizeof(*request), GFP_KERNEL);

	kfree(request);
	return finish(request) + 1;
}

// one-bit: bit 45 of the pointer has tipped over in memory.
static frame void tip_over(struct storage *device)
{
	device->current_descriptor = (void *)((unsigned long)last_descriptor ^ 1UL << 45);
}

static frame int use_flipped(struct storage *device)
{
	tip_over(device);
	return descriptor_bytes(device->current_descriptor) + 1;
}

// overwritten: the field was NULL when it was read, and is not any more.
static frame int replace_descriptor(struct storage *device)
{
	struct descriptor *descriptor = xchg(&device->current_descriptor, last_descriptor);

	return descriptor_bytes(descriptor) + 1;
}

// changed: likewise, and the function that changed it has returned.
static frame void set_descriptor(struct storage *device)
{
	device->current_descriptor = last_descriptor;
}

static frame int use_changed(struct storage *device)
{
	struct descriptor *descriptor = device->current_descriptor;

	set_descriptor(device);
	return descriptor_bytes(descriptor) + 1;
}

// ambiguous: two fields, both NULL, and nothing that tells which was taken.
static frame int use_either(struct storage *device, u32 flags)
{
	struct descriptor *descriptor;

	if (flags & 8)
		descriptor = device->current_descriptor;
	else
		descriptor = device->ring.slots[2];
	idle(6);
	return descriptor->bytes + 1;
}

// ascii: the name was too long for its field.
static frame int rename_device(struct storage *device, const char *name)
{
	memcpy(device->name, name, strlen(name));
	return descriptor_bytes(device->current_descriptor) + 1;
}

// spill: the registers don't suffice.
static frame int spill(struct storage *device)
{
	struct descriptor *descriptor = device->current_descriptor;

	all_registers_change();
	return descriptor->bytes + 1;
}

// embedded: the handler gets a pointer to a member, and finds the whole by container_of.
static frame int handle(struct request *request)
{
	struct storage *device = container_of(request, struct storage, embedded);

	return device->current_descriptor->bytes + 1;
}

static frame int handle_embedded(struct storage *device)
{
	return handle(&device->embedded) + 1;
}

// timer: in a soft interrupt.
static void tick(struct timer_list *timer)
{
	struct storage *device = container_of(timer, struct storage, timer);

	sum += descriptor_bytes(device->embedded.descriptor);
}

static frame int start_timer(struct storage *device)
{
	timer_setup(&device->timer, tick, 0);
	mod_timer(&device->timer, jiffies + 10);
	msleep(2000);
	return 0;
}

// out-parameter: the function leaves it as it was.
static frame int look_up(struct storage *device, struct descriptor **found)
{
	if (device->ring.head)
		*found = device->ring.slots[0];
	return 0;
}

static frame int use_found(struct storage *device)
{
	struct descriptor *found = NULL;

	if (look_up(device, &found))
		return -EIO;
	return found->bytes + 1;
}

// global: never set.
struct descriptor *default_descriptor;

static frame int use_default(void)
{
	return descriptor_bytes(READ_ONCE(default_descriptor)) + 1;
}

// current: a field of a struct of the kernel.
static frame int use_journal(void)
{
	struct descriptor *descriptor = current->journal_info;

	return descriptor->bytes + 1;
}

// kernel-argument: the kernel's own code faults on what the module gave it.
static frame int close_file(struct storage *device)
{
	return filp_close(device->file, NULL) + 1;
}

// memcpy: in assembly.
static frame int copy_name(char *name, struct storage *device, size_t size)
{
	memcpy(name, device->name, size);
	return 1;
}

static frame int copy_nowhere(struct storage *device, size_t size)
{
	return copy_name((char *)device->embedded.descriptor, device, size) + 1;
}

// return-tail: get_descriptor returns what another function returned.
static frame struct descriptor *current_of(struct storage *device)
{
	return device->current_descriptor;
}

static frame struct descriptor *get_descriptor(struct storage *device)
{
	sum++;
	return current_of(device);
}

static frame int use_gotten(struct storage *device)
{
	return get_descriptor(device)->bytes + 1;
}

// stack-argument: the seventh.
static frame int seven(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, struct descriptor *descriptor)
{
	return descriptor->bytes + a + b + c + d + e + f;
}

static frame int pass_seven(struct storage *device)
{
	return seven(1, 2, 3, 4, 5, 6, device->current_descriptor) + 1;
}

// freelist: freed, not poisoned: where the pointer was, the allocator keeps its own, encoded.
static frame int use_freelist(struct storage *device)
{
	struct request *request = kzalloc(sizeof(*request), GFP_KERNEL);

	request->descriptor = last_descriptor;
	kfree(request);
	return descriptor_bytes(request->descriptor) + 1;
}

static int run(const char *name)
{
	storage->operations = &half_operations;
	if (!strcmp(name, "null-argument"))
		return reset_device(storage);
	if (!strcmp(name, "field-deep"))
		return submit_request(4096);
	if (!strcmp(name, "null-returned"))
		return attach_by_name("disk9");
	if (!strcmp(name, "err-ptr"))
		return grow(8192);
	if (!strcmp(name, "tail-call"))
		return poll_device(storage);
	if (!strcmp(name, "clone"))
		return bind_all(storage);
	if (!strcmp(name, "callee-saved"))
		return flush(storage);
	if (!strcmp(name, "list-loop"))
		return queue_three(storage);
	if (!strcmp(name, "branch"))
		return choose(storage, &storage->embedded, 4);
	if (!strcmp(name, "array"))
		return take_slot(storage, 5);
	if (!strcmp(name, "index")) {
		storage->embedded.sector = 0x123456789aULL;
		return take_wild(storage);
	}
	if (!strcmp(name, "operations"))
		return read_device(storage, 7);
	if (!strcmp(name, "operations-tail"))
		return read_twice(storage);
	if (!strcmp(name, "freed"))
		return finish_freed();
	if (!strcmp(name, "one-bit"))
		return use_flipped(storage);
	if (!strcmp(name, "overwritten"))
		return replace_descriptor(storage);
	if (!strcmp(name, "changed"))
		return use_changed(storage);
	if (!strcmp(name, "ambiguous"))
		return use_either(storage, 8);
	if (!strcmp(name, "ascii"))
		return rename_device(storage, "A name that is too long");
	if (!strcmp(name, "spill"))
		return spill(storage);
	if (!strcmp(name, "embedded"))
		return handle_embedded(storage);
	if (!strcmp(name, "timer"))
		return start_timer(storage);
	if (!strcmp(name, "out-parameter"))
		return use_found(storage);
	if (!strcmp(name, "global"))
		return use_default();
	if (!strcmp(name, "current"))
		return use_journal();
	if (!strcmp(name, "kernel-argument")) {
		storage->file = (void *)0x1000dead;
		return close_file(storage);
	}
	if (!strcmp(name, "memcpy"))
		return copy_nowhere(storage, storage->ring.tail + 13);
	if (!strcmp(name, "return-tail"))
		return use_gotten(storage);
	if (!strcmp(name, "stack-argument"))
		return pass_seven(storage);
	if (!strcmp(name, "freelist"))
		return use_freelist(storage);
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
	storage = kzalloc(sizeof(*storage), GFP_KERNEL);
	last_descriptor = kzalloc(sizeof(*last_descriptor), GFP_KERNEL);
	if (!storage || !last_descriptor)
		return -ENOMEM;
	strcpy(storage->name, "disk0");
	INIT_LIST_HEAD(&storage->requests);
	return misc_register(&battery_device);
}
module_init(battery_init);
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
