/**
 * Guests of 512 bytes: what SeaBIOS loads from the first sector of a disk to 0x7c00 and runs in real mode, about 0.1 s after
 * the start. Each first says its name on the serial port and then does one thing to its machine. Assembled by hand: bytes on
 * the left, what they mean on the right. Addresses are those that SeaBIOS gives a q35: ACPI at 0x600, TCO at 0x660.
 */

const SIZE = 512;
/** Offsets in the sector; it is loaded at 0x7c00. */
const TEXT_AT = 0x100;
const TABLE_AT = 0x1c0;

const bytes = (hex: string) => Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (byte) => parseInt(byte, 16));

/** Lines of code: the bytes of each, without what they mean. */
function code(...lines: readonly (readonly [hex: string, meaning: string])[]): string {
  return lines.map(([hex]) => hex.replaceAll(" ", "")).join("");
}

/** Prints the text at 0x7d00 up to its zero byte. */
const SAY_TEXT = code(
  ["31 c0", "xor ax, ax"],
  ["8e d8", "mov ds, ax"],
  ["be 00 7d", "mov si, 0x7d00"],
  ["ac", "next: lodsb"],
  ["84 c0", "test al, al"],
  ["74 06", "jz done"],
  ["ba f8 03", "mov dx, 0x3f8 ; the first serial port"],
  ["ee", "out dx, al"],
  ["eb f5", "jmp next ; done:"],
);

const HALT = code(
  ["f4", "halt: hlt"],
  ["eb fd", "jmp halt"],
);

/** Makes all of the 4 GiB reachable through ES: a visit to protected mode leaves its limit behind. */
const FLAT_ES = code(
  ["fa", "cli"],
  ["66 0f 01 16 c0 7d", "lgdt [0x7dc0]"],
  ["0f 20 c0", "mov eax, cr0"],
  ["0c 01", "or al, 1"],
  ["0f 22 c0", "mov cr0, eax ; protected"],
  ["bb 08 00", "mov bx, 8 ; the second descriptor"],
  ["8e c3", "mov es, bx"],
  ["24 fe", "and al, 0xfe"],
  ["0f 22 c0", "mov cr0, eax ; real again"],
);

/** Limit and address of a table of descriptors, and the table: none, and data from 0 to 4 GiB. */
const TABLE = code(
  ["0f 00 c6 7d 00 00", "15 and 0x7dc6"],
  ["00 00 00 00 00 00 00 00", "none"],
  ["ff ff 00 00 00 92 cf 00", "base 0, limit 0xfffff pages, writable data"],
);

/** Reads a word of a device's configuration into EAX; `address` as at port 0xcf8, low byte first. */
const readConfig = (address: string) =>
  code(
    [`66 b8 ${address}`, "mov eax, address"],
    ["ba f8 0c", "mov dx, 0xcf8"],
    ["66 ef", "out dx, eax"],
    ["ba fc 0c", "mov dx, 0xcfc"],
    ["66 ed", "in eax, dx"],
  );

/** Tells pvpanic, the device 00:06.0: bit 0 a panic, bit 1 that a crash kernel runs. Its register is at its first BAR. */
const tellPanicDevice = (bits: "01" | "02") =>
  FLAT_ES + readConfig("10 30 00 80") + code(
    ["66 83 e0 f0", "and eax, ~15 ; the address without its kind"],
    [`26 67 c6 00 ${bits}`, "mov byte [es:eax], bits"],
  );

const PANIC_NOW = tellPanicDevice("01");

const POWER_OFF_NOW = code(
  ["ba 04 06", "mov dx, 0x604 ; PM1a control"],
  ["b8 00 20", "mov ax, 0x2000 ; sleep, to state S5"],
  ["ef", "out dx, ax"],
);

const REBOOT_NOW = code(
  ["ba f9 0c", "mov dx, 0xcf9 ; reset control"],
  ["b0 06", "mov al, 6"],
  ["ee", "out dx, al"],
);

/** Arms the chipset's watchdog with its shortest time and feeds it no more: twice 2 ticks of 0.6 s. */
const ARM_WATCHDOG = FLAT_ES + readConfig("f0 f8 00 80") + code(
  ["66 25 00 c0 ff ff", "and eax, ~0x3fff ; root complex, of 00:1f.0"],
  ["26 67 80 a0 10 34 00 00 df", "and byte [es:eax+0x3410], ~0x20 ; it may reset the machine"],
  ["ba 72 06", "mov dx, 0x672 ; ticks"],
  ["b8 02 00", "mov ax, 2"],
  ["ef", "out dx, ax"],
  ["ba 60 06", "mov dx, 0x660 ; reload"],
  ["ef", "out dx, ax"],
  ["ba 68 06", "mov dx, 0x668 ; control: no longer halted"],
  ["31 c0", "xor ax, ax"],
  ["ef", "out dx, ax"],
);

/** Waits for a byte on the serial port. */
const AWAIT_BYTE = code(
  ["ba fd 03", "mov dx, 0x3fd ; line status"],
  ["ec", "wait: in al, dx"],
  ["a8 01", "test al, 1"],
  ["74 fb", "jz wait"],
);

/** Waits for the power button. */
const AWAIT_BUTTON = code(
  ["ba 02 06", "mov dx, 0x602 ; PM1a enable"],
  ["b8 00 01", "mov ax, 0x100 ; the power button"],
  ["ef", "out dx, ax"],
  ["ba 00 06", "mov dx, 0x600 ; PM1a status"],
  ["ed", "wait: in ax, dx"],
  ["f6 c4 01", "test ah, 1"],
  ["74 fa", "jz wait"],
);

/** Does `then` in the first boot alone: a byte of the clock's memory outlives a reset, and QEMU makes it anew. */
function once(then: string): string {
  const mark = code(
    ["b0 50", "mov al, 0x50"],
    ["e6 70", "out 0x70, al"],
    ["b0 a5", "mov al, 0xa5"],
    ["e6 71", "out 0x71, al"],
  );
  const over = ((mark.length + then.length) / 2).toString(16).padStart(2, "0");
  return code(
    ["b0 50", "mov al, 0x50"],
    ["e6 70", "out 0x70, al"],
    ["e4 71", "in al, 0x71"],
    ["3c a5", "cmp al, 0xa5"],
    [`74 ${over}`, "je over it"],
  ) + mark + then;
}

/** A sector that says `text` and then does `then`, and halts where that lets it go on. */
function sector(text: string, then = ""): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(SIZE);
  const parts = [[0, bytes(SAY_TEXT + then + HALT), TEXT_AT], [
    TEXT_AT,
    new TextEncoder().encode(`${text}\r\n\0`),
    TABLE_AT,
  ], [TABLE_AT, bytes(TABLE), SIZE - 2]] as const;
  for (const [at, part, end] of parts) {
    if (at + part.length > end) throw new Error(`${text}: ${part.length} bytes don't fit below ${end}`);
    made.set(part, at);
  }
  made.set([0x55, 0xaa], SIZE - 2);
  return made;
}

export const BOOT_SECTORS = {
  /** Stands still, its processor halted. */
  halt: sector("HALTED"),
  /** Powers itself off. */
  powerOff: sector("POWER OFF", POWER_OFF_NOW),
  /** Powers itself off when its power button is pressed. */
  powerOffOnButton: sector("AWAITS ITS BUTTON", AWAIT_BUTTON + POWER_OFF_NOW),
  /** Reboots itself once. */
  rebootOnce: sector("REBOOTS ONCE", once(REBOOT_NOW)),
  /** Reboots itself again and again. */
  reboot: sector("REBOOTS", REBOOT_NOW),
  /** Panics in each boot. */
  panic: sector("PANICS", PANIC_NOW),
  /** Panics in its first boot alone. */
  panicOnce: sector("PANICS ONCE", once(PANIC_NOW)),
  /** Panics when a byte comes on its serial port. */
  panicOnByte: sector("AWAITS A BYTE", AWAIT_BYTE + PANIC_NOW),
  /** Panics instead of powering itself off. */
  panicOnButton: sector("PANICS AT ITS BUTTON", AWAIT_BUTTON + PANIC_NOW),
  /** Says that its crash kernel runs, twice. */
  crashKernel: sector("CRASH KERNEL", tellPanicDevice("02") + tellPanicDevice("02")),
  /** Arms its watchdog and lets it run out, in each boot. */
  watchdog: sector("ARMS ITS WATCHDOG", ARM_WATCHDOG),
  /** The same, in its first boot alone. */
  watchdogOnce: sector("ARMS ITS WATCHDOG ONCE", once(ARM_WATCHDOG)),
} as const;
