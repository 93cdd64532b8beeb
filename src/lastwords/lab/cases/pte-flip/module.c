// SPDX-License-Identifier: Apache-2.0
// One bit of a process's page table flips, as with bad RAM: in the entry of the page that its stack pointer is in.
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include "../lab.h"

static keep_frame pte_t *find_pte(struct mm_struct *mm, unsigned long address)
{
	pgd_t *pgd = pgd_offset(mm, address);
	pud_t *pud = pud_offset(p4d_offset(pgd, address), address);
	pmd_t *pmd = pmd_offset(pud, address);

	return pte_offset_kernel(pmd, address);
}

static keep_frame int flip_bit(void)
{
	unsigned long address = task_pt_regs(current)->sp;
	pte_t *pte = find_pte(current->mm, address);

	WRITE_ONCE(*pte, __pte(pte_val(*pte) ^ 1ul << 50)); /* beyond the bits of a physical address: reserved */
	asm volatile("invlpg (%0)" : : "r"(address) : "memory");
	return 0;
}

CRASH_ON_WRITE(flip_bit);
