import assert from "node:assert/strict";
import { packageOfLibrary, parsePrintUris } from "./apt.ts";

Deno.test("parsePrintUris() reads name, file and size, with and without a hash, and skips other lines", () => {
  const text = `Reading package lists...
'http://host.invalid/pool/b/busybox-static_1.35.0-4%2bdeb12u1_amd64.deb' busybox-static_1%3a1.35.0-4+deb12u1_amd64.deb 928188 SHA256:00
'http://host.invalid/pool/l/libc6_2.36_amd64.deb' libc6_2.36_amd64.deb 27 
`;
  assert.deepEqual(parsePrintUris(text), [
    { name: "busybox-static", file: "busybox-static_1%3a1.35.0-4+deb12u1_amd64.deb", size: 928188 },
    { name: "libc6", file: "libc6_2.36_amd64.deb", size: 27 },
  ]);
});

Deno.test("packageOfLibrary() follows Debian's naming rule for library packages", () => {
  const names = ["libc6", "libglib2.0-0t64", "libpcre2-8-0", "libudev1", "libgudev-1.0-0"];
  const cases: [string, string | undefined][] = [
    ["libc.so.6", "libc6"],
    ["libglib-2.0.so.0", "libglib2.0-0t64"],
    ["libpcre2-8.so.0", "libpcre2-8-0"],
    ["libudev.so.1", "libudev1"],
    ["libgudev-1.0.so.0", "libgudev-1.0-0"],
    ["libother.so.1", undefined],
  ];
  for (const [soname, name] of cases) assert.equal(packageOfLibrary(soname, names), name, soname);
});
