import { join } from "node:path";
import { ESLint } from "eslint";
import { expect, test } from "vitest";

const eslint = new ESLint({ cwd: join(import.meta.dirname, "..", "..") });

/** What the linter says of the code, were it all of shared/identity.ts. */
async function said(code: string): Promise<readonly string[]> {
  const [result] = await eslint.lintText(code, { filePath: "shared/identity.ts" });
  return (result?.messages ?? [])
    .filter(({ ruleId }) => ruleId === "no-restricted-syntax")
    .map(({ message }) => message);
}

test.each([
  'import { ClientSecretCredential } from "@azure/identity"; export const a = new ClientSecretCredential("", "", "");',
  'import { DefaultAzureCredential } from "@azure/identity"; export const a = new DefaultAzureCredential();',
  'import { AzureCliCredential } from "@azure/identity"; export const a = new AzureCliCredential();',
  'import * as identity from "@azure/identity"; export const a = new identity.ClientCertificateCredential("", "", "");',
  'import { StorageSharedKeyCredential } from "@azure/storage-blob"; export const a = new StorageSharedKeyCredential("", "");',
  'import { CosmosClient } from "@azure/cosmos"; export const a = new CosmosClient({ endpoint: "", key: "" });',
  'import { CosmosClient } from "@azure/cosmos"; export const a = new CosmosClient({ connectionString: "" });',
  'import { CosmosClient } from "@azure/cosmos"; export const a = new CosmosClient("AccountEndpoint=");',
  'import { EmailClient } from "@azure/communication-email"; export const a = new EmailClient("endpoint=");',
  'import { EmailClient } from "@azure/communication-email"; export const a = (text: string) => new EmailClient(text);',
  'import { BlobServiceClient } from "@azure/storage-blob"; export const a = BlobServiceClient.fromConnectionString("");',
])("the linter refuses %s", async (code) => {
  expect(await said(code)).toHaveLength(1);
});

test("the linter takes the managed identity", async () => {
  const code =
    'import { ManagedIdentityCredential } from "@azure/identity"; export const a = new ManagedIdentityCredential();';
  expect(await said(code)).toEqual([]);
});
