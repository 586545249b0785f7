#ifndef CLINUX_BOOT_H
#define CLINUX_BOOT_H

// Where Linux's x86 boot protocol and ELF keep their fields. The packed structures do not import
// into Swift; their offsets do.

#include <asm/bootparam.h>
#include <elf.h>
#include <stddef.h>

enum {
  CL_BOOT_PARAMS_SIZE = sizeof(struct boot_params),
  CL_BOOT_ACPI_RSDP = offsetof(struct boot_params, acpi_rsdp_addr),
  CL_BOOT_E820_ENTRIES = offsetof(struct boot_params, e820_entries),
  CL_BOOT_E820_TABLE = offsetof(struct boot_params, e820_table),
  CL_BOOT_E820_ENTRY_SIZE = sizeof(struct boot_e820_entry),
  CL_BOOT_HEADER = offsetof(struct boot_params, hdr),
#define CL_HDR(name, field) CL_HDR_##name = offsetof(struct boot_params, hdr.field)
  CL_HDR(SETUP_SECTS, setup_sects),
  CL_HDR(SYSSIZE, syssize),
  CL_HDR(BOOT_FLAG, boot_flag),
  CL_HDR(JUMP, jump),
  CL_HDR(MAGIC, header),
  CL_HDR(VERSION, version),
  CL_HDR(KERNEL_VERSION, kernel_version),
  CL_HDR(LOADER, type_of_loader),
  CL_HDR(LOADFLAGS, loadflags),
  CL_HDR(RAMDISK_IMAGE, ramdisk_image),
  CL_HDR(RAMDISK_SIZE, ramdisk_size),
  CL_HDR(CMD_LINE_PTR, cmd_line_ptr),
  CL_HDR(INITRD_ADDR_MAX, initrd_addr_max),
  CL_HDR(KERNEL_ALIGNMENT, kernel_alignment),
  CL_HDR(RELOCATABLE, relocatable_kernel),
  CL_HDR(XLOADFLAGS, xloadflags),
  CL_HDR(CMDLINE_SIZE, cmdline_size),
  CL_HDR(PAYLOAD_OFFSET, payload_offset),
  CL_HDR(PAYLOAD_LENGTH, payload_length),
  CL_HDR(PREF_ADDRESS, pref_address),
  CL_HDR(INIT_SIZE, init_size),
#undef CL_HDR
};

#endif
