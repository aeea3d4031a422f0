import { type Static, Type } from "@sinclair/typebox";
import { ChangedAttributes, addVersion, shownAttributes } from "./objects.ts";
import { VaultError, badParameter } from "./vaultError.ts";
import { type SecretVersion, Tags, type VaultState } from "./vaultState.ts";

export const SetSecret = Type.Object({
  value: Type.String(),
  contentType: Type.Optional(Type.String()),
  tags: Type.Optional(Tags),
  attributes: Type.Optional(ChangedAttributes),
});

const maxLength = 25_600;

export function setSecret(state: VaultState, name: string, body: Static<typeof SetSecret>): SecretVersion {
  const { attributes, ...rest } = body;
  if (rest.value.length > maxLength) throw badParameter(`The secret is longer than ${maxLength} characters.`);
  return addVersion(state.secrets, "secret", name, attributes, rest);
}

/** A secret with its value, as setting answers. */
export function shownSecret(url: string, name: string, secret: SecretVersion): object {
  return { value: secret.value, ...secretProperties(`${url}/secrets/${name}/${secret.version}`, secret) };
}

/** A secret as it is read, with its value. Throws 403 if it is disabled. */
export function readSecret(url: string, name: string, secret: SecretVersion): object {
  if (!secret.attributes.enabled)
    throw new VaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled");
  return shownSecret(url, name, secret);
}

/** A secret as it is listed and changed: without its value. */
export function secretProperties(id: string, secret: SecretVersion): object {
  return { id, contentType: secret.contentType, tags: secret.tags, attributes: shownAttributes(secret) };
}
