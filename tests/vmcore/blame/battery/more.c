// SPDX-License-Identifier: Apache-2.0
// Bad pointers on crooked ways: paths that merge, switches, loops, per-CPU variables, tables, structs on the stack. Writing a case's
// name to /dev/battery sets it off. What is to be found out of each stands in more.toml.
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define frame noinline __attribute__((noipa))

asm(".text; .skip 64, 0xcc");

struct block {
	u64 start;
	u64 length;
	struct block *next; /* at 0x10 */
	u32 flags; /* at 0x18 */
};

struct queue {
	u64 depth;
	struct block *first; /* at 0x08 */
	struct block *last; /* at 0x10 */
	u64 number; /* 24 bytes and 8 */
};

struct array {
	char name[16];
	struct queue queues[4]; /* at 0x10, 0x20 each */
	struct block *spare; /* at 0x90 */
	struct block *parity; /* at 0x98 */
	unsigned long tagged; /* at 0xa0: a pointer with flags in its lowest bits */
	struct list_head members; /* at 0xa8 */
	int (*handlers[3])(struct array *array); /* at 0xb8 */
};

struct member {
	struct list_head link;
	u64 number;
	struct block *superblock; /* at 0x18 */
};

struct context {
	struct array *array;
	struct block *block; /* at 0x08 */
	u64 flags;
	u64 more[4];
};

static struct array *array;
static struct block *table[8];
static struct block *sound;
static u64 total;
static DEFINE_PER_CPU(struct block *, cached_block);
static DEFINE_PER_CPU(struct queue, cpu_queue);

static frame u32 flags_of(struct block *block)
{
	return READ_ONCE(block->flags);
}

static frame int idle(u64 value)
{
	total += value;
	return value & 3;
}

// switch: each kind has its own block; that of kind 3 is missing.
static frame int use_kind(struct array *a, unsigned int kind)
{
	struct block *block;

	switch (kind) {
	case 0:
		block = a->spare;
		idle(1);
		break;
	case 1:
		block = a->queues[0].first;
		idle(2);
		break;
	case 2:
		block = a->queues[1].last;
		idle(3);
		break;
	case 3:
		block = a->parity;
		idle(4);
		break;
	case 4:
		block = a->queues[2].first;
		idle(5);
		break;
	case 5:
		block = a->queues[3].last;
		idle(6);
		break;
	default:
		return -EINVAL;
	}
	total++;
	return flags_of(block) + 1;
}

// ternary: a conditional move between two fields.
static frame int use_ternary(struct array *a, u64 wanted)
{
	struct block *block = wanted > 4 ? a->parity : a->spare;

	return flags_of(block) + 1;
}

// search: nobody in the chain has it, so the loop ends with the last one's `next`.
static frame int use_search(struct block *block, u64 start)
{
	while (block && block->start != start)
		block = block->next;
	return flags_of(block) + 1;
}

static frame int search_chain(void)
{
	sound->next = kzalloc(sizeof(*sound), GFP_KERNEL);
	sound->next->start = 8;
	return use_search(sound, 77) + 1;
}

// percpu: a pointer in a per-CPU variable.
static frame int use_percpu(void)
{
	return flags_of(this_cpu_read(cached_block)) + 1;
}

// percpu-struct: a field of a per-CPU struct, by its address.
static frame int use_percpu_struct(void)
{
	struct queue *queue = this_cpu_ptr(&cpu_queue);

	idle(queue->number);
	return flags_of(READ_ONCE(queue->last)) + 1;
}

// table: an entry of a global array.
static frame int use_table(unsigned int number)
{
	return flags_of(READ_ONCE(table[number & 7])) + 1;
}

// element: a field of an element of an array of structs within a struct.
static frame int use_element(struct array *a, unsigned int number)
{
	struct queue *queue = &a->queues[number & 3];

	idle(queue->depth);
	return flags_of(READ_ONCE(queue->last)) + 1;
}

// tagged: flags in the lowest bits are taken off.
static frame int use_tagged(struct array *a)
{
	struct block *block = (struct block *)(READ_ONCE(a->tagged) & ~3UL);

	return flags_of(block) + 1;
}

// empty-list: list_first_entry() of an empty list is no member.
static frame int use_first(struct array *a)
{
	struct member *member = list_first_entry(&a->members, struct member, link);

	return flags_of(member->superblock) + 1;
}

// on-stack: a struct on the caller's stack, cleared and never filled in.
static frame int use_context(struct context *context)
{
	idle(context->flags);
	return flags_of(context->block) + 1;
}

static frame int make_context(struct array *a)
{
	struct context context = { .array = a, .flags = 3 };

	return use_context(&context) + 1;
}

// handler: called through a table of functions.
static frame int call_handler(struct array *a, unsigned int number)
{
	return a->handlers[number % 3](a) + 1;
}

// passed-error: an error from three calls down.
static frame struct block *allocate_block(u64 length)
{
	if (length > 4096)
		return ERR_PTR(-EFBIG);
	return kzalloc(sizeof(struct block), GFP_KERNEL);
}

static frame struct block *get_block(struct array *a, u64 length)
{
	struct block *block = allocate_block(length);

	if (!IS_ERR(block))
		block->length = length;
	return block;
}

static frame int write_block(struct array *a, u64 length)
{
	struct block *block = get_block(a, length);

	idle(7);
	return flags_of(block) + 1;
}

// merged: two calls may have returned it, only one of which can give this.
static frame struct block *spare_block(struct array *a)
{
	return a->spare ? a->spare : ERR_PTR(-ENOENT);
}

static frame int use_merged(struct array *a, u64 length)
{
	struct block *block;

	if (length & 1)
		block = spare_block(a);
	else
		block = allocate_block(length);
	idle(8);
	return flags_of(block) + 1;
}

// many: so many values are alive that the compiler itself puts the pointer on the stack.
static frame int use_many(struct array *a, u64 b, u64 c, u64 d)
{
	struct block *block = a->parity;
	u64 e = b * 3 + c, f = c * 5 + d, g = d * 7 + b, h = e ^ f, i = f ^ g, j = g ^ e, k = h + 11, l = i + 13;

	idle(1);
	idle(b);
	idle(c + d);
	idle(e + f + g);
	idle(h + i + j);
	idle(k + l);
	return flags_of(block) + b + c + d + e + f + g + h + i + j + k + l;
}

// double: through a pointer to a pointer.
static frame int use_double(struct block **place)
{
	idle(9);
	return flags_of(*place) + 1;
}

static frame int pass_double(struct array *a)
{
	return use_double(&a->queues[2].first) + 1;
}

// exchanged: taken out by xchg(), which leaves NULL: what memory holds now is no proof.
static frame int take_out(struct array *a)
{
	struct block *block = xchg(&a->spare, NULL);

	return flags_of(block) + 1;
}

// early: the pointer's own check is behind its use.
static frame int use_early(struct array *a)
{
	struct block *block = a->parity;
	u32 flags = flags_of(block);

	if (!block)
		return -EINVAL;
	return flags + idle(block->start);
}

// overrun: the index is one too far, so that another field is taken for a pointer.
static frame int use_overrun(struct array *a, unsigned int number)
{
	struct block **blocks = &a->spare;

	return flags_of(READ_ONCE(blocks[number])) + 1;
}

static int run(const char *name)
{
	if (!strcmp(name, "switch"))
		return use_kind(array, 3);
	if (!strcmp(name, "ternary"))
		return use_ternary(array, 7);
	if (!strcmp(name, "search"))
		return search_chain();
	if (!strcmp(name, "percpu"))
		return use_percpu();
	if (!strcmp(name, "percpu-struct"))
		return use_percpu_struct();
	if (!strcmp(name, "table"))
		return use_table(5);
	if (!strcmp(name, "element"))
		return use_element(array, 2);
	if (!strcmp(name, "tagged")) {
		array->tagged = 0x5a5a5a5a5a5a5a03;
		return use_tagged(array);
	}
	if (!strcmp(name, "empty-list")) {
		// Where an empty list's member would have its superblock, handlers[0] of the array is.
		array->handlers[0] = NULL;
		return use_first(array);
	}
	if (!strcmp(name, "on-stack"))
		return make_context(array);
	if (!strcmp(name, "handler"))
		return call_handler(array, 4);
	if (!strcmp(name, "passed-error"))
		return write_block(array, 8192);
	if (!strcmp(name, "merged"))
		return use_merged(array, 8192);
	if (!strcmp(name, "many"))
		return use_many(array, 3, 5, 7);
	if (!strcmp(name, "double"))
		return pass_double(array);
	if (!strcmp(name, "exchanged"))
		return take_out(array);
	if (!strcmp(name, "early"))
		return use_early(array);
	if (!strcmp(name, "overrun")) {
		array->tagged = 0x4141414141414141;
		return use_overrun(array, 2);
	}
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
	array = kzalloc(sizeof(*array), GFP_KERNEL);
	sound = kzalloc(sizeof(*sound), GFP_KERNEL);
	if (!array || !sound)
		return -ENOMEM;
	INIT_LIST_HEAD(&array->members);
	array->queues[0].first = array->queues[1].last = sound;
	return misc_register(&battery_device);
}
module_init(battery_init);
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
