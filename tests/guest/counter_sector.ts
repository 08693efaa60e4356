/**
 * A guest of 512 bytes: says `BOOT` once on its serial console and then counts, a line of eight hexadecimal digits at each tick of the
 * BIOS clock (18.2 a second). The count is in its memory alone, so whoever reads the lines sees whether that memory is
 * still the same. SeaBIOS starts it within a second, without KVM too.
 */

/** Where the BIOS puts the sector: all addresses below are 0x7c00 and an offset in it. */
const CODE: readonly number[] = [
  // 00: segments and stack
  ...[0xfa], //                         cli
  ...[0x31, 0xc0], //                   xor ax, ax
  ...[0x8e, 0xd8], //                   mov ds, ax
  ...[0x8e, 0xd0], //                   mov ss, ax
  ...[0xbc, 0x00, 0x7c], //             mov sp, 0x7c00
  ...[0xfb, 0xfc], //                   sti; cld
  ...[0xbe, 0x60, 0x7c], //             mov si, boot
  ...[0xe8, 0x34, 0x00], //             call puts
  // 12: until the BIOS has counted a tick (its clock is at 0x46c)
  ...[0xa0, 0x6c, 0x04], //       tick: mov al, [0x46c]
  ...[0xf4], //                   wait: hlt
  ...[0x3a, 0x06, 0x6c, 0x04], //       cmp al, [0x46c]
  ...[0x74, 0xf9], //                   je wait
  // 1c: one more, as eight digits
  ...[0x66, 0xff, 0x06, 0x68, 0x7c], // inc dword [count]
  ...[0x66, 0x8b, 0x1e, 0x68, 0x7c], // mov ebx, [count]
  ...[0xb9, 0x08, 0x00], //             mov cx, 8
  ...[0x66, 0xc1, 0xc3, 0x04], // digit: rol ebx, 4
  ...[0x88, 0xd8], //                   mov al, bl
  ...[0x24, 0x0f], //                   and al, 15
  ...[0x3c, 0x0a], //                   cmp al, 10
  ...[0x72, 0x02], //                   jb +2
  ...[0x04, 0x07], //                   add al, 'A' - '9' - 1
  ...[0x04, 0x30], //                   add al, '0'
  ...[0xe8, 0x15, 0x00], //             call putc
  ...[0xe2, 0xeb], //                   loop digit
  ...[0xbe, 0x64, 0x7c], //             mov si, end
  ...[0xe8, 0x02, 0x00], //             call puts
  ...[0xeb, 0xcc], //                   jmp tick
  // 46: writes the text at si up to its NUL
  ...[0xac], //                   puts: lodsb
  ...[0x84, 0xc0], //                   test al, al
  ...[0x74, 0x05], //                   jz +5
  ...[0xe8, 0x03, 0x00], //             call putc
  ...[0xeb, 0xf6], //                   jmp puts
  ...[0xc3], //                         ret
  // 51: writes al to the first serial port, when that can take it
  ...[0x50], //                   putc: push ax
  ...[0xba, 0xfd, 0x03], //             mov dx, 0x3fd
  ...[0xec], //                   full: in al, dx
  ...[0xa8, 0x20], //                   test al, 0x20
  ...[0x74, 0xfb], //                   jz full
  ...[0x58], //                         pop ax
  ...[0xba, 0xf8, 0x03], //             mov dx, 0x3f8
  ...[0xee], //                         out dx, al
  ...[0xc3], //                         ret
  // 60
  ...[0x42, 0x4f, 0x4f, 0x54], // boot: "BOOT"
  ...[0x0d, 0x0a, 0x00, 0x00], // end:  "\r\n", NUL
  ...[0x00, 0x00, 0x00, 0x00], // count
];

/** The sector, with the signature that the BIOS wants at its end. */
export function counterSector(): Uint8Array {
  const sector = new Uint8Array(512);
  sector.set(CODE);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** What the guest has said, from the text of its console. A line that was cut off at an end of the text does not count. */
export interface CounterLog {
  readonly boots: number;
  readonly counts: readonly number[];
}

export function readCounter(text: string): CounterLog {
  const lines = text.split("\n").slice(0, -1).map((line) => line.trim());
  return {
    boots: lines.filter((line) => line.endsWith("BOOT")).length,
    counts: lines.filter((line) => /^[0-9A-F]{8}$/.test(line)).map((line) => parseInt(line, 16)),
  };
}
