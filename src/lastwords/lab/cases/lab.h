/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all cases share. A case is a small driver with one bug; writing to its
 * device /dev/lab sets the bug off, so that the trace begins where most
 * traces begin: in a system call.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

/* Keeps a function's frame in the trace: no inlining, no cloning. (Tail calls are off in all of the module.) */
#define keep_frame noinline __attribute__((noipa))

/*
 * The kernel prints the 42 bytes of code before a fault, and none if the first
 * of them lies before the module: so a bug must not be right at its start.
 */
asm(".text; .skip 64, 0xcc");

/* write() on /dev/lab calls this function. */
#define CRASH_ON_WRITE(crash)                                                  \
	static ssize_t lab_write(struct file *file, const char __user *data,   \
				 size_t size, loff_t *offset)                  \
	{                                                                      \
		int err = crash();                                             \
									       \
		return err ? err : size;                                       \
	}                                                                      \
	static const struct file_operations lab_operations = {                 \
		.owner = THIS_MODULE,                                          \
		.write = lab_write,                                            \
	};                                                                     \
	static struct miscdevice lab_device = {                                \
		.minor = MISC_DYNAMIC_MINOR,                                   \
		.name = "lab",                                                 \
		.fops = &lab_operations,                                       \
	};                                                                     \
	module_misc_device(lab_device);                                        \
	MODULE_LICENSE("GPL");                                                 \
	MODULE_VERSION("1.0")
