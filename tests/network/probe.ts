// deno-lint-ignore-file no-console -- a program of the tests
/**
 * What a guest tries in a network bed. Usage: probe.ts TRY...: `tcp:ADDRESS:PORT`, `udp:ADDRESS:PORT`, `dns:NAME`,
 * `dnstcp:NAME`, `down:ADDRESS:MIB`, `up:ADDRESS:MIB`, `half:ADDRESS`. Prints a JSON object: each with what came of it.
 */
const LIMIT_MS = Number(Deno.env.get("PROBE_MS") ?? 3000);
const RESOLVER = "10.0.2.3";

function within<T>(work: Promise<T>, ms = LIMIT_MS): Promise<T | "silent"> {
  return Promise.race([work, new Promise<"silent">((resolve) => setTimeout(() => resolve("silent"), ms))]);
}

async function tcp(hostname: string, port: number): Promise<string> {
  const conn = await Deno.connect({ hostname, port });
  await conn.write(new TextEncoder().encode("hello"));
  const buffer = new Uint8Array(16);
  const count = await conn.read(buffer) ?? 0;
  conn.close();
  return count === 5 ? "open" : `${count} bytes`;
}

async function udp(hostname: string, port: number): Promise<string> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  await socket.send(new TextEncoder().encode("hello"), { transport: "udp", hostname, port });
  const [data, from] = await socket.receive();
  const is = from as Deno.NetAddr;
  return data.length === 5 && is.hostname === hostname && is.port === port ? "open" : "other";
}

function question(name: string): Uint8Array {
  const labels = name.split(".").flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return new Uint8Array([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
}

function addressIn(answer: Uint8Array): string {
  if (answer[0] !== 0xab || answer[1] !== 0xcd) return "another question's answer";
  const code = (answer[3] ?? 0) & 15;
  return code !== 0 ? `code ${code}` : [...answer.subarray(-4)].join(".");
}

async function dns(name: string): Promise<string> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  await socket.send(question(name), { transport: "udp", hostname: RESOLVER, port: 53 });
  return addressIn((await socket.receive())[0]);
}

async function dnsTcp(name: string): Promise<string> {
  const conn = await Deno.connect({ hostname: RESOLVER, port: 53 });
  const asked = question(name);
  await conn.write(new Uint8Array([0, asked.length, ...asked]));
  const buffer = new Uint8Array(512);
  const count = await conn.read(buffer) ?? 0;
  conn.close();
  return addressIn(buffer.subarray(2, count));
}

async function down(hostname: string, mib: number): Promise<string> {
  const conn = await Deno.connect({ hostname, port: 19 });
  const buffer = new Uint8Array(256 * 1024);
  const began = performance.now();
  let at = 0;
  while (at < mib * 1024 * 1024) {
    const count = await conn.read(buffer);
    if (count === null) return `ended after ${at}`;
    for (let i = 0; i < count; i++) {
      if (buffer[i] !== ((at + i) % (1024 * 1024) * 31 & 255)) return `wrong at ${at + i}`;
    }
    at += count;
  }
  conn.close();
  return `right, ${mbits(at, began)}`;
}

async function up(hostname: string, mib: number): Promise<string> {
  const conn = await Deno.connect({ hostname, port: 9 });
  const data = new Uint8Array(1024 * 1024);
  const began = performance.now();
  for (let i = 0; i < mib; i++) for (let at = 0; at < data.length;) at += await conn.write(data.subarray(at));
  await conn.closeWrite();
  const buffer = new Uint8Array(64);
  const count = await conn.read(buffer) ?? 0;
  const all = Number(new TextDecoder().decode(buffer.subarray(0, count)).split(" ")[0]);
  return all === mib * 1024 * 1024 ? `right, ${mbits(all, began)}` : `${all} arrived`;
}

/** Says all, and only then listens. */
async function half(hostname: string): Promise<string> {
  const conn = await Deno.connect({ hostname, port: 7 });
  await conn.write(new TextEncoder().encode("half"));
  await conn.closeWrite();
  const text = await new Response(conn.readable).text();
  return text === "half" ? "right" : text;
}

function mbits(bytes: number, began: number): string {
  return `${Math.round(bytes * 8 / 1000 / (performance.now() - began))} Mbit/s`;
}

async function attempt(text: string): Promise<string> {
  const [kind = "", first = "", second = ""] = text.split(":");
  const number = Number(second);
  try {
    switch (kind) {
      case "tcp":
        return await within(tcp(first, number));
      case "udp":
        return await within(udp(first, number));
      case "dns":
        return await within(dns(first));
      case "dnstcp":
        return await within(dnsTcp(first));
      case "down":
        return await within(down(first, number), 60_000);
      case "up":
        return await within(up(first, number), 60_000);
      case "half":
        return await within(half(first));
      default:
        return "unknown";
    }
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

const heavy = /^(down|up):/;
const light = await Promise.all(
  Deno.args.filter((one) => !heavy.test(one)).map(async (one) => [one, await attempt(one)] as const),
);
const results = [...light];
for (const one of Deno.args.filter((each) => heavy.test(each))) results.push([one, await attempt(one)]);
console.log(JSON.stringify(Object.fromEntries(results)));
Deno.exit(0);
