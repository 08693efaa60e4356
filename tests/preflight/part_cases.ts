/** QEMU, TPM, firmware, network, libvirt and media: the parts that guests are made of. */
import { APT, type Case, file, medium, OLD, outsider, qemu, virsh, without } from "./case.ts";
import { DOMAIN_CAPABILITIES, mediumOf, VIRSH } from "../fakes/fake_host.ts";
import { variableStore } from "../fakes/variable_store.ts";

export const PART_CASES: readonly Case[] = [
  {
    ...{ id: "qemu.version", when: "QEMU does not answer", status: "FAIL" },
    change: (host) => host.qemu = "it did not say what it can do",
    says: /did not say/,
  },
  {
    ...{ id: "qemu.version", when: "it is too old", status: "FAIL" },
    change: qemu({ version: { major: 6, minor: 2, micro: 0 } }),
    says: /QEMU 6.2.0 \(test\) is older than 7.2/,
  },
  {
    ...{ id: "qemu.devices", when: "a device is in a package of its own", status: "FAIL" },
    change: qemu({ devices: ["ide-cd"], machines: [] }),
    says: /lacks machine q35, isa-serial, .*virtio-vga/,
  },
  {
    ...{ id: "qemu.devices", when: "shared folders are missing", status: "WARN" },
    change: (host) =>
      typeof host.qemu !== "string" &&
      qemu({ devices: host.qemu.devices.filter((name) => name !== "vhost-user-fs-pci") })(host),
    says: /lacks vhost-user-fs-pci/,
  },
  {
    ...{ id: "network.backend", when: "QEMU is too old for it", status: "WARN" },
    change: qemu({ netdevTypes: ["user"] }),
    says: /no guest can be given a network/,
  },
  {
    ...{ id: "tpm.self_test", when: "the self test fails", status: "FAIL" },
    change: (host) => host.tpm = 0x101,
    says: /answered 0x101/,
  },
  {
    ...{ id: "tpm.self_test", when: "no TPM can be made", status: "FAIL" },
    change: (host) => host.tpm = "swtpm_setup could not make a TPM: no certtool",
    says: /no certtool/,
    todo: /apt-get install .* swtpm swtpm-tools$/,
  },
  {
    ...{ id: "tpm.self_test", when: "swtpm_localca is missing", status: "FAIL" },
    change: (host) => host.swtpm = null,
    says: /swtpm_localca is not installed/,
  },
  {
    ...{ id: "tpm.self_test", when: "swtpm is not there", status: "SKIP" },
    change: without("swtpm"),
    says: /see host.command.swtpm/,
  },
  {
    ...{ id: "firmware.ovmf_secure_boot", when: "there is no firmware", status: "FAIL" },
    change: (host) => host.firmware = [],
    says: /no UEFI firmware with Secure Boot and enrolled keys/,
    todo: /apt-get install .* ovmf$/,
  },
  {
    ...{
      id: "firmware.certificates",
      when: "a new guest's variables have those of 2011 alone",
      status: "WARN",
    },
    change: (host) => host.stores["/fw/vars.fd"] = variableStore(OLD),
    says: /new guests lack Windows UEFI CA 2023 and Microsoft Corporation KEK 2K CA 2023$/,
  },
  {
    ...{ id: "firmware.certificates", when: "they trust no Windows authority", status: "FAIL" },
    change: (host) => host.stores["/fw/vars.fd"] = variableStore({ keks: [], db: ["Somebody"] }),
    says: /trust no Windows authority/,
  },
  {
    ...{ id: "firmware.certificates", when: "a guest that is there has those of 2011 alone", status: "WARN" },
    change: (host) => {
      host.folders["/var/rayos/vm/windows"] = ["office", "new"];
      host.folders["/var/rayos/vm/windows/office"] = ["disk.qcow2", "ovmf_vars.qcow2"];
      host.folders["/var/rayos/vm/windows/new"] = ["ovmf_vars.qcow2"];
      host.stores["/var/rayos/vm/windows/office/ovmf_vars.qcow2"] = variableStore(OLD);
      host.stores["/var/rayos/vm/windows/new/ovmf_vars.qcow2"] = new Uint8Array(100);
    },
    says: /^those of office lack Windows UEFI CA 2023 .*; those of new: .*is no UEFI variable store$/,
  },
  {
    ...{ id: "libvirt.connection", when: "nobody asked for libvirt and it does not answer", status: "WARN" },
    change: virsh("version", "", 1, "error: failed to connect\nerror: no such socket\n"),
    says: /^qemu:\/\/\/system: failed to connect; no such socket$/,
    todo: /libvirt-daemon-system && sudo systemctl enable --now libvirtd/,
  },
  {
    ...{ id: "libvirt.connection", when: "it is asked for and does not answer", status: "FAIL" },
    change: virsh("version", "", 1, "error: failed to connect\n"),
    wishes: { connectUri: "qemu:///system" },
    says: /failed to connect/,
  },
  {
    ...{ id: "libvirt.connection", when: "virsh hangs", status: "WARN" },
    change: (host) => host.answers[VIRSH.version] = { kind: "timed_out", stdout: "", stderr: "" },
    says: /virsh did not answer within 15 s and was ended/,
  },
  {
    ...{ id: "libvirt.connection", when: "virsh is not there", status: "SKIP" },
    change: without("virsh"),
    says: /does not need it/,
  },
  {
    ...{ id: "libvirt.default_network", when: "it is not active", status: "WARN" },
    change: virsh("network", "Name: default\nActive: no\n"),
    says: /not active/,
    todo: /^sudo virsh -c qemu:\/\/\/system net-start default/,
  },
  {
    ...{ id: "libvirt.default_network", when: "libvirt does not answer", status: "SKIP" },
    change: virsh("version", "", 1, "error: no\n"),
    says: /see libvirt.connection/,
  },
  {
    ...{ id: "libvirt.secure_loader", when: "libvirt names none and is wanted", status: "FAIL" },
    change: virsh(
      "capabilities",
      "<domainCapabilities><os><loader supported='no'/></os></domainCapabilities>",
    ),
    wishes: { connectUri: "qemu:///system" },
    says: /names no secure loader/,
  },
  {
    ...{ id: "libvirt.tpm_emulator", when: "libvirt has none", status: "WARN" },
    change: virsh("capabilities", "<domainCapabilities><tpm supported='no'/></domainCapabilities>"),
    says: /names no emulated TPM 2.0/,
  },
  {
    ...{ id: "libvirt.tpm_emulator", when: "libvirt can only pass the host's on", status: "WARN" },
    change: virsh("capabilities", DOMAIN_CAPABILITIES.replace("<value>emulator</value>", "")),
    says: /names no emulated TPM 2.0/,
  },
  {
    ...{ id: "libvirt.tpm_emulator", when: "virsh says something else", status: "WARN" },
    change: virsh("capabilities", "hello"),
    says: /answered something else/,
  },
  {
    ...{
      id: "host.group.libvirt",
      when: "the user is not in it and libvirt does not answer",
      status: "WARN",
    },
    change: (host) => (outsider(host), virsh("version", "", 1, "error: denied\n")(host)),
    says: /alice is not in the group libvirt/,
  },
  {
    ...{ id: "media.windows_iso", when: "there is no such file", status: "FAIL" },
    change: (host) => void delete host.media["/iso/win.iso"],
    says: /there is no file \/iso\/win.iso/,
  },
  {
    ...{ id: "media.windows_iso", when: "it is a saved web page", status: "FAIL" },
    change: medium({ kind: "not-a-medium", problems: [{ message: "it is a saved web page" }] }),
    says: /^\/iso\/win.iso: it is a saved web page$/,
    todo: /download it again from https:\/\/www.microsoft.com/,
  },
  {
    ...{ id: "media.windows_iso", when: "it is the other medium", status: "FAIL" },
    change: medium({ kind: "virtio-win", title: "virtio-win 0.1.266" }),
    says: /is virtio-win 0.1.266, not the Windows medium$/,
  },
  {
    ...{ id: "media.windows_iso", when: "it is too old", status: "WARN" },
    change: medium({ warnings: [{ message: "older than 23H2" }] }),
    says: /; older than 23H2$/,
    todo: /rayvisor iso inspect \/iso\/win.iso/,
  },
  {
    ...{ id: "media.windows_iso", when: "the download was cut off", status: "FAIL" },
    change: medium({ bytes: 700 * 1024 ** 2 }),
    says: /windows medium, 700 MiB, too small to be whole/,
  },
  {
    ...{ id: "media.virtio_iso", when: "it is empty", status: "FAIL" },
    change: (host) =>
      host.media["/iso/virtio.iso"] = {
        ...mediumOf("not-a-medium", 0),
        problems: [{ message: "it is an empty file" }],
      },
    says: /is an empty file/,
  },
  {
    ...{ id: "media.windows_iso_sha256", when: "the file was changed", status: "FAIL" },
    change: (host) => host.hashes["/iso/win.iso"] = "00".repeat(32),
    says: /^SHA-256 is 0000.*and \/iso\/win.iso.sha256 says abab/,
  },
  {
    ...{ id: "media.windows_iso_sha256", when: "another hash was given", status: "FAIL" },
    change: () => {},
    wishes: { windowsIsoSha256: "EF".repeat(32) },
    says: /and --windows-iso-sha256 says efef/,
  },
  {
    ...{ id: "media.windows_iso_sha256", when: "nothing says what it should be", status: "SKIP" },
    change: file("/iso/win.iso.sha256", undefined),
    says: /nothing says/,
  },
  {
    ...{ id: "media.virtio_iso_sha256", when: "the file beside it holds no hash", status: "FAIL" },
    change: file("/iso/virtio.iso.sha256", "<html>not found</html>"),
    says: /holds no SHA-256/,
  },
  {
    ...{
      id: "firmware.certificates",
      when: "a guest enforces no Secure Boot, whatever it lacks",
      status: "PASS",
    },
    change: (host) => {
      host.folders["/var/rayos/vm/linux"] = ["free"];
      host.folders["/var/rayos/vm/linux/free"] = ["ovmf_vars.qcow2"];
      host.stores["/var/rayos/vm/linux/free/ovmf_vars.qcow2"] = variableStore({ keks: [], db: [] });
    },
    says: /^the certificates of 2023 are in the template$/,
  },
  ...["qemu-system-x86_64", "qemu-img", "swtpm", "swtpm_setup"].map((program): Case => ({
    ...{ id: `host.command.${program}`, when: "it is not installed", status: "FAIL" },
    change: without(program),
    says: / is not installed$/,
    todo: new RegExp(`^${APT} (qemu-system-x86|qemu-utils|swtpm|swtpm-tools)$`),
  })),
  ...["nft", "dnsmasq", "bwrap", "openssl"].map((program): Case => ({
    ...{ id: `host.command.${program}`, when: "it is not installed", status: "WARN" },
    change: without(program),
    says: / is not installed$/,
    todo: new RegExp(`^${APT} (nftables|dnsmasq-base|bubblewrap|openssl)$`),
  })),
  {
    ...{ id: "host.command.nft", when: "it lies where this user's PATH does not lead", status: "WARN" },
    change: (host) => host.programs["nft"] = { path: "/usr/sbin/nft", inPath: false },
    says: /^\/usr\/sbin\/nft is not in PATH/,
    todo: /PATH=\$PATH:\/usr\/sbin$/,
  },
  ...["virsh", "virt-install", "virt-host-validate"].flatMap((program): Case[] => [
    {
      ...{ id: `host.command.${program}`, when: "it is not installed", status: "SKIP" },
      change: without(program),
      says: /rayvisor does not need it$/,
      todo: /needed only for work with libvirt/,
    },
    {
      ...{ id: `host.command.${program}`, when: "it is not installed and libvirt is wanted" },
      status: program === "virsh" ? "FAIL" : "WARN",
      change: without(program),
      wishes: { connectUri: "qemu:///system" },
      says: / is not installed$/,
    },
  ]),
  {
    ...{ id: "host.command.xorriso", when: "nothing writes media", status: "FAIL" },
    change: (host) => (without("xorriso")(host), without("genisoimage")(host)),
    says: /xorriso is not installed/,
  },
  {
    ...{ id: "host.command.xorriso", when: "genisoimage alone is there", status: "PASS" },
    change: without("xorriso"),
    says: /\/usr\/bin\/genisoimage does it/,
  },
];
