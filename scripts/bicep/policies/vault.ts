import { type Policy, difference, property, setAt, the, types, valueAt } from "../policy.ts";

const vaults = [types.vault];
const keys = [types.key];

/** The vault and its keys. */
export const vaultPolicies: readonly Policy[] = [
  property({
    name: "the vault is opened by roles, not by access policies",
    proves: "S6, S10",
    types: vaults,
    path: "properties.enableRbacAuthorization",
    is: true,
    not: false,
  }),
  property({
    name: "a deleted vault cannot be purged",
    proves: "S6",
    types: vaults,
    path: "properties.enablePurgeProtection",
    is: true,
    not: null,
  }),
  property({
    name: "a deleted vault can be had back for 90 days",
    proves: "S6",
    types: vaults,
    path: "properties.softDeleteRetentionInDays",
    is: 90,
    not: 7,
  }),
  property({
    name: "no template deployment reads secrets",
    proves: "S6",
    types: vaults,
    path: "properties.enabledForTemplateDeployment",
    is: false,
    not: true,
  }),
  property({
    name: "production's vault has no public address",
    proves: "S6",
    on: ["production"],
    types: vaults,
    path: "properties.publicNetworkAccess",
    is: "Disabled",
    not: "Enabled",
  }),
  property({
    name: "keys are RSA keys",
    proves: "S8",
    types: keys,
    path: "properties.kty",
    is: "RSA",
    not: "EC",
  }),
  {
    name: "RSA keys have 2048 bits at least",
    proves: "S8",
    broken: ({ resources }) =>
      resources
        .filter(({ type, properties }) => type === types.key && Number(properties?.["keySize"] ?? 0) < 2048)
        .map(({ name }) => name),
    fault: (resources) => {
      setAt(the(resources, types.key, /key-ring$/u), "properties.keySize", 1024);
    },
  },
  property({
    name: "no key can leave the vault",
    proves: "S8",
    types: keys,
    path: "properties.attributes.exportable",
    is: false,
    not: true,
  }),
  {
    name: "the vault rotates its keys each year",
    proves: "D6",
    broken: (estate) =>
      estate
        .of(types.key)
        .filter((key) => {
          const actions = valueAt(key, "properties.rotationPolicy.lifetimeActions") as
            readonly { action: { type: string }; trigger: { timeAfterCreate?: string } }[] | undefined;
          return (
            actions?.some(({ action, trigger }) => action.type === "rotate" && trigger.timeAfterCreate === "P1Y") !==
            true
          );
        })
        .map(({ name }) => name),
    fault: (resources) => {
      setAt(the(resources, types.key), "properties.rotationPolicy.lifetimeActions", []);
    },
  },
  property({
    name: "a key's version expires after two years",
    proves: "D6",
    types: keys,
    path: "properties.rotationPolicy.attributes.expiryTime",
    is: "P2Y",
    not: "P20Y",
  }),
  property({
    name: "the key of the key ring wraps and unwraps, and does nothing else",
    proves: "S8",
    types: keys,
    named: /key-ring$/u,
    path: "properties.keyOps",
    is: ["wrapKey", "unwrapKey"],
    not: ["wrapKey", "unwrapKey", "decrypt"],
  }),
  property({
    name: "the key of pseudonyms wraps and unwraps, and does nothing else",
    proves: "S8; sandbox copy",
    on: ["production"],
    types: keys,
    named: /sandbox-pseudonyms$/u,
    path: "properties.keyOps",
    is: ["wrapKey", "unwrapKey"],
    not: ["wrapKey", "unwrapKey", "decrypt"],
  }),
  property({
    name: "signing keys sign and verify, and do nothing else",
    proves: "S8",
    types: keys,
    named: /-seal$/u,
    path: "properties.keyOps",
    is: ["sign", "verify"],
    not: ["sign", "verify", "unwrapKey"],
  }),
  {
    name: "the vault has the keys that the code names, and no others",
    proves: "S6",
    broken: (estate) => {
      const wanted = [
        "evidence-seal",
        "key-ring",
        "log-seal",
        ...(estate.environment === "production" ? ["at-rest", "sandbox-pseudonyms"] : []),
      ];
      const found = estate.of(types.key).map(({ name }) => name.split("/").at(-1) ?? "");
      return difference(wanted, found);
    },
    fault: (resources) => {
      const key = the(resources, types.key, /key-ring$/u);
      resources.push({ ...structuredClone(key), name: key.name.replace("key-ring", "legacy"), id: `${key.id}2` });
    },
  },
  {
    name: "no secret is written down: they are made by the app, in the vault",
    proves: "S5, D6",
    broken: (estate) => estate.of(types.secret).map(({ name }) => name),
    fault: (resources) => {
      const vault = the(resources, types.vault);
      resources.push({ type: types.secret, name: `${vault.name}/webhook`, id: `${vault.id}/secrets/webhook` });
    },
  },
  {
    name: "operators are told of a key or secret that is about to expire",
    proves: "D6",
    broken: (estate) => {
      const told = estate
        .of(types.subscription)
        .filter(({ name }) => name.endsWith("/near-expiry"))
        .flatMap((each) => valueAt(each, "properties.filter.includedEventTypes") as readonly string[]);
      return ["KeyNearExpiry", "KeyExpired", "SecretNearExpiry", "SecretExpired"].filter(
        (event) => !told.includes(`Microsoft.KeyVault.${event}`),
      );
    },
    fault: (resources) => {
      const alert = the(resources, types.subscription, /near-expiry$/u);
      setAt(alert, "properties.filter.includedEventTypes", ["Microsoft.KeyVault.KeyExpired"]);
    },
  },
];
