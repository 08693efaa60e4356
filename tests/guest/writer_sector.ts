/**
 * The smallest guest that writes: one boot sector, started by SeaBIOS. It writes 32 KiB after 32 KiB to its own disk by the
 * BIOS (int 13h, function 43h), and after every 16 of them says a line with a number on its serial port and rests until the
 * next tick of the clock: about 9 MiB a second. At the end of its disk it begins anew. What the BIOS refuses it says with `E`, and
 * then nothing more. Sources: Intel SDM volume 2 for the instructions; EDD-3 (T13 1572D) for function 43h and its packet.
 */

const SECTOR = 512;
/** Sectors that one write takes. */
const STEP = 64;
/** Bytes between two lines. */
export const BYTES_A_LINE = 16 * STEP * SECTOR;

function word32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
}

/** The code, at 0x7c00. `end` is the sector at which it begins anew. */
function code(end: number): number[] {
  // deno-fmt-ignore -- one instruction a line
  return [
    /* 00 */ 0xfa, //                                    cli
    /* 01 */ 0x31, 0xc0, //                              xor ax, ax
    /* 03 */ 0x8e, 0xd8, //                              mov ds, ax
    /* 05 */ 0x8e, 0xd0, //                              mov ss, ax
    /* 07 */ 0xbc, 0x00, 0x7c, //                        mov sp, 0x7c00
    /* 0a */ 0xfb, //                                    sti
    /* 0b */ 0x88, 0x16, 0x7e, 0x7c, //                  mov [drive], dl           the BIOS says which drive it is
    // again:
    /* 0f */ 0xb8, 0x00, 0x43, //                        mov ax, 0x4300            extended write, without verify
    /* 12 */ 0x8a, 0x16, 0x7e, 0x7c, //                  mov dl, [drive]
    /* 16 */ 0xbe, 0x82, 0x7c, //                        mov si, packet
    /* 19 */ 0xcd, 0x13, //                              int 0x13
    /* 1b */ 0x72, 0x4a, //                              jc fail
    /* 1d */ 0x66, 0x83, 0x06, 0x8a, 0x7c, STEP, //      add dword [lba], 64
    /* 23 */ 0x66, 0x81, 0x3e, 0x8a, 0x7c, ...word32(end), //  cmp dword [lba], end
    /* 2c */ 0x72, 0x09, //                              jb same
    /* 2e */ 0x66, 0xc7, 0x06, 0x8a, 0x7c, ...word32(STEP), // mov dword [lba], 64  this sector stays as it is
    // same:
    /* 37 */ 0xfe, 0x06, 0x7f, 0x7c, //                  inc byte [count]
    /* 3b */ 0xf6, 0x06, 0x7f, 0x7c, 0x0f, //            test byte [count], 15
    /* 40 */ 0x75, 0xcd, //                              jnz again
    /* 42 */ 0xff, 0x06, 0x80, 0x7c, //                  inc word [line]
    /* 46 */ 0x8b, 0x1e, 0x80, 0x7c, //                  mov bx, [line]
    /* 4a */ 0xb9, 0x04, 0x00, //                        mov cx, 4
    // digit: the upper four bits of bx as a hexadecimal digit
    /* 4d */ 0xc1, 0xc3, 0x04, //                        rol bx, 4
    /* 50 */ 0x88, 0xd8, //                              mov al, bl
    /* 52 */ 0x24, 0x0f, //                              and al, 15
    /* 54 */ 0x04, 0x90, //                              add al, 0x90
    /* 56 */ 0x27, //                                    daa
    /* 57 */ 0x14, 0x40, //                              adc al, 0x40
    /* 59 */ 0x27, //                                    daa
    /* 5a */ 0xe8, 0x12, 0x00, //                        call put
    /* 5d */ 0xe2, 0xee, //                              loop digit
    /* 5f */ 0xb0, 0x0a, //                              mov al, 10
    /* 61 */ 0xe8, 0x0b, 0x00, //                        call put
    /* 64 */ 0xf4, //                                    hlt                       until the next tick
    /* 65 */ 0xeb, 0xa8, //                              jmp again
    // fail:
    /* 67 */ 0xb0, 0x45, //                              mov al, 'E'
    /* 69 */ 0xe8, 0x03, 0x00, //                        call put
    // stop:
    /* 6c */ 0xf4, //                                    hlt
    /* 6d */ 0xeb, 0xfd, //                              jmp stop
    // put: al to COM1, when it can take it
    /* 6f */ 0x50, //                                    push ax
    /* 70 */ 0xba, 0xfd, 0x03, //                        mov dx, 0x3fd             line status
    // wait:
    /* 73 */ 0xec, //                                    in al, dx
    /* 74 */ 0xa8, 0x20, //                              test al, 0x20             may the next byte come?
    /* 76 */ 0x74, 0xfb, //                              jz wait
    /* 78 */ 0x58, //                                    pop ax
    /* 79 */ 0xba, 0xf8, 0x03, //                        mov dx, 0x3f8
    /* 7c */ 0xee, //                                    out dx, al
    /* 7d */ 0xc3, //                                    ret
    /* 7e drive */ 0, /* 7f count */ 0, /* 80 line */ 0, 0,
    /* 82 packet: its size, sectors, from 0000:8000, */ 16, 0, STEP, 0, 0x00, 0x80, 0, 0,
    /* 8a lba: from sector 64 on */ ...word32(STEP), ...word32(0),
  ];
}

/** The boot sector for a disk of `diskBytes`. */
export function writerSector(diskBytes: number): Uint8Array<ArrayBuffer> {
  const sector = new Uint8Array(SECTOR);
  const sectors = Math.floor(diskBytes / SECTOR);
  sector.set(code(sectors - sectors % STEP));
  sector.set([0x55, 0xaa], SECTOR - 2);
  return sector;
}

/** Numbers of the lines that the guest has said, in order. A line that is not whole is none. */
export function linesSaid(serial: string): number[] {
  return [...serial.matchAll(/^([0-9A-F]{4})$/gm)].map(([, digits]) => parseInt(digits ?? "", 16));
}
