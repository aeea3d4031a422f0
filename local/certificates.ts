import { X509Certificate, createPrivateKey, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { SelfsignedOptions } from "selfsigned";
import { type Certificates, LocalError } from "./service.ts";
import { textOf, writeDurably } from "./stateFile.ts";

const day = 86_400_000;
const renewBeforeDays = 30;

/** Where {@link loadCertificates} keeps the authority's certificate, e.g. for `curl --cacert`. */
export function caFile(dir: string): string {
  return join(dir, "ca.pem");
}

/**
 * The certificate of every local server, for localhost and 127.0.0.1, signed by an authority of this machine alone.
 * Made once and kept in `dir`; what expires within 30 days is made anew.
 */
export async function loadCertificates(dir: string): Promise<Certificates> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const authority = (await kept(dir, "ca")) ?? (await make(dir, "ca", authorityOptions()));
  const authorityKey = new X509Certificate(authority.cert).publicKey;
  const found = await kept(dir, "server");
  const server =
    found !== undefined && new X509Certificate(found.cert).verify(authorityKey)
      ? found
      : await make(dir, "server", serverOptions(authority));
  return { key: server.key, cert: server.cert, ca: authority.cert };
}

/** Lets this process, its SDK clients and `fetch` accept servers that `ca` (PEM) signed, beside the usual ones. */
export function trust(ca: string): void {
  setDefaultCACertificates([...getCACertificates("default"), ca]);
}

interface Pair {
  readonly key: string;
  readonly cert: string;
}

async function kept(dir: string, name: string): Promise<Pair | undefined> {
  const [key, cert] = await Promise.all([textOf(join(dir, `${name}.key`)), textOf(join(dir, `${name}.pem`))]);
  if (key === undefined || cert === undefined) return undefined;
  try {
    const parsed = new X509Certificate(cert);
    const lasts = parsed.validToDate.getTime() > Date.now() + renewBeforeDays * day;
    // A renewal that was killed halfway leaves a key without its certificate.
    return lasts && parsed.checkPrivateKey(createPrivateKey(key)) ? { key, cert } : undefined;
  } catch (error) {
    throw new LocalError(`The certificates in ${dir} are damaged: delete that folder and start again.`, {
      cause: error,
    });
  }
}

async function make(dir: string, name: string, options: SelfsignedOptions): Promise<Pair> {
  // Loaded when used, which is once for a folder; every local program and test has this file.
  const { generate } = await import("selfsigned");
  // A name of its own: OpenSSL looks issuers up by name, and confuses several authorities of the same one.
  const commonName = `Callpilot local ${name} ${randomUUID()}`;
  const made = await generate([{ name: "commonName", value: commonName }], {
    keyType: "ec",
    algorithm: "sha256",
    ...options,
  });
  await writeDurably(join(dir, `${name}.key`), made.private);
  await writeDurably(join(dir, `${name}.pem`), made.cert);
  return { key: made.private, cert: made.cert };
}

function authorityOptions(): SelfsignedOptions {
  return {
    ...validForDays(3650),
    extensions: [
      { name: "basicConstraints", cA: true, pathLenConstraint: 0, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  };
}

function serverOptions(authority: Pair): SelfsignedOptions {
  return {
    // Apple's TLS refuses a server certificate that is valid for longer than 398 days.
    ...validForDays(397),
    ca: authority,
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  };
}

function validForDays(days: number): SelfsignedOptions {
  // A day back, so that a clock that is set back a little does not refuse it.
  const from = Date.now() - day;
  return { notBeforeDate: new Date(from), notAfterDate: new Date(from + days * day) };
}
