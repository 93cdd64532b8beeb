// SPDX-License-Identifier: Apache-2.0
// One bit of the kernel's code flips, as with bad RAM: a call goes elsewhere. This module is gone before the code runs.
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include "../lab.h"

/* The first call in a function, behind the one that is there for ftrace. */
static keep_frame u8 *find_call(u8 *code)
{
	unsigned int i;

	for (i = 8; i < 200; i++)
		if (code[i] == 0xe8 && abs(*(s32 *)(code + i + 1)) < 32 << 20)
			return code + i;
	return NULL;
}

static keep_frame int flip_bit(u8 *code)
{
	struct page *page = virt_to_page(code);
	u8 *window = vmap(&page, 1, VM_MAP, PAGE_KERNEL); /* the kernel's own mapping is read-only */

	if (!window)
		return -ENOMEM;
	window[offset_in_page(code)] ^= 1 << 4;
	vunmap(window);
	return 0;
}

static int __init text_flip_init(void)
{
	struct kprobe probe = { .symbol_name = "uptime_proc_show" };
	u8 *call = NULL;

	if (!register_kprobe(&probe)) {
		call = find_call((u8 *)probe.addr);
		unregister_kprobe(&probe);
	}
	if (call)
		flip_bit(call + 4); /* the highest byte of the distance */
	return -EAGAIN; /* not to be kept */
}

module_init(text_flip_init);
MODULE_LICENSE("GPL");
