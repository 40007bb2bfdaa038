import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A key and a certificate for a name and 127.0.0.1, as PEM. */
export interface ServerCertificate {
  readonly key: string;
  readonly certificate: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
const ECDSA_WITH_SHA256 = "2a8648ce3d040302";
const COMMON_NAME = "550403";
const SUBJECT_ALT_NAME = "551d11";

/** A certificate that signs itself and is valid for the hours around now, for a name of this machine and for 127.0.0.1. */
export function selfSignedCertificate(name = "localhost"): ServerCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const signed = toBeSigned(publicKey, name);
  const signature = der(BIT_STRING, "00", sign("sha256", signed, privateKey));
  const certificate = der(SEQUENCE, signed, algorithm(), signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
  };
}

/** The fields of RFC 5280, section 4.1, in their order. */
function toBeSigned(publicKey: KeyObject, host: string): Buffer {
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, oid(COMMON_NAME), der(UTF8_STRING, Buffer.from(host)))));
  return der(
    SEQUENCE,
    der(0xa0, der(INTEGER, "02")),
    der(INTEGER, "01"),
    algorithm(),
    name,
    der(SEQUENCE, time(-1), time(24)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(SEQUENCE, der(SEQUENCE, oid(SUBJECT_ALT_NAME), der(OCTET_STRING, alternativeNames(host))))),
  );
}

function alternativeNames(host: string): Buffer {
  return der(SEQUENCE, der(0x82, Buffer.from(host)), der(0x87, "7f000001"));
}

const algorithm = () => der(SEQUENCE, oid(ECDSA_WITH_SHA256));

const oid = (hex: string) => der(OBJECT_IDENTIFIER, hex);

function time(hoursFromNow: number): Buffer {
  const text = new Date(Date.now() + hoursFromNow * 3_600_000).toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(GENERALIZED_TIME, Buffer.from(text));
}

/** @param contents bytes, or bytes as hex */
function der(tag: number, ...contents: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(contents.map((each) => (typeof each === "string" ? Buffer.from(each, "hex") : each)));
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(4, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 + length.length]), length, body]);
}
