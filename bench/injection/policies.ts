/**
 * The policies that are compared, from nothing to sources with a person who is asked.
 *
 * @module
 */

/** A policy, and how sessions are opened under it. */
export interface Compared {
  readonly name: string;
  readonly policy: object;
  /** Whether a session has the tools of its task as its scope. */
  readonly isScoped: boolean;
}

const READS = [
  "mail.read",
  "contacts.search",
  "chat.read",
  "chat.users",
  "bank.payees",
  "bank.transactions",
  "files.read",
  "calendar.read",
];
const WRITES = [
  "mail.send",
  "mail.delete",
  "contacts.add",
  "chat.send",
  "chat.invite",
  "bank.pay",
  "files.write",
  "files.share",
  "calendar.create",
];
const WEB = { action: ["web.fetch", "web.post"], resource: "https://**/**" };
const ANYTHING = [{ id: "all", action: [...READS, ...WRITES], resource: "**" }, {
  id: "web",
  ...WEB,
}];
const COMPANY = { glob: "*@corp.example.com" };

/** What a careful administrator writes without knowing the task, and without naming the attacker. */
const STATIC = [
  { id: "read", action: READS, resource: "**" },
  { id: "write", action: "files.write", resource: "notes/**" },
  {
    id: "mail",
    action: "mail.send",
    resource: "out",
    constraint: {
      to: { each: { any: [COMPANY, { glob: "*@*.example.org" }] } },
      cc: { exists: false },
      bcc: { exists: false },
    },
  },
  { id: "delete", action: "mail.delete", resource: "*" },
  { id: "chat", action: ["chat.send", "chat.invite"], resource: "**" },
  { id: "pay", action: "bank.pay", resource: "giro", constraint: { amount: { max: 1500 } } },
  {
    id: "share",
    action: "files.share",
    resource: ["team/**", "shared/**"],
    constraint: { with: { any: [COMPANY, { glob: "*@*.example.org" }] } },
  },
  { id: "meet", action: "calendar.create", resource: "mine" },
  { id: "contacts", action: "contacts.add", resource: "all" },
  {
    id: "fetch",
    action: "web.fetch",
    resource: ["https://*.example.org/**", "https://*.corp.example.com/**"],
  },
  { id: "post", action: "web.post", resource: "https://api.corp.example.com/**" },
];

const LISTS = {
  people: {
    values: [
      "bob@corp.example.com",
      "carla@corp.example.com",
      "dora@client.example.org",
      "billing@hosting.example.org",
    ],
  },
  accounts: { values: ["DE89370400440532013000", "NL91ABNA0417164300", "AT611904300234573201"] },
  names: { values: ["bob", "carla", "dora"] },
  sites: {
    values: ["https://intranet.corp.example.com/sales", "https://intranet.corp.example.com/dash"],
  },
};
const SOURCES = [
  {
    id: "contacts",
    action: "contacts.search",
    fields: "items.*.email",
    changed_by: "contacts.add",
  },
  { id: "users", action: "chat.users", fields: ["items.*.user", "items.*.user_email"] },
  { id: "payees", action: "bank.payees", fields: "items.*.iban" },
  {
    id: "intranet",
    action: "web.fetch",
    resource: "https://intranet.corp.example.com/**",
    links: true,
  },
];

/** Rules by where destinations come from. */
function byOrigin({ people, accounts, names, sites, links, more = {} }: {
  readonly people: string[];
  readonly accounts: string[];
  readonly names: string[];
  readonly sites: string[];
  /** What a text may link to; not judged if it is missing. */
  readonly links?: string[];
  readonly more?: object;
}): object[] {
  const text = links === undefined ? { max_length: 10_000 } : { links: { from: links } };
  const known = { from: ["prompt", ...people], as: "email" };
  return [
    { id: "read", action: READS, resource: "**" },
    { id: "write", action: "files.write", resource: "notes/**" },
    {
      id: "mail",
      action: "mail.send",
      resource: "out",
      constraint: { to: { each: known } },
      optional: { subject: text, body: text },
      params: "only",
      ...more,
    },
    { id: "delete", action: "mail.delete", resource: "*", params: "only" },
    {
      id: "post",
      action: "chat.send",
      resource: ["general", "support"],
      constraint: { text },
      params: "only",
      ...more,
    },
    {
      id: "direct",
      action: "chat.send",
      resource: "direct",
      constraint: { text, user: { from: ["prompt", ...names] } },
      params: "only",
      ...more,
    },
    {
      id: "invite",
      action: "chat.invite",
      resource: "**",
      constraint: { user_email: known, user: { from: names } },
      together: ["user", "user_email"],
      params: "only",
      ...more,
    },
    {
      id: "pay",
      action: "bank.pay",
      resource: "giro",
      constraint: {
        iban: { from: ["prompt", ...accounts], as: "iban" },
        amount: { max: 1500 },
        subject: { max_length: 50 },
      },
      params: "only",
      ...more,
    },
    {
      id: "share",
      action: "files.share",
      resource: ["team/**", "shared/**"],
      constraint: { with: known },
      params: "only",
      ...more,
    },
    {
      id: "meet",
      action: "calendar.create",
      resource: "mine",
      constraint: { with: { each: known } },
      optional: { title: text, notes: text },
      params: "only",
      ...more,
    },
    { id: "contacts", action: "contacts.add", resource: "all" },
    {
      id: "fetch",
      action: "web.fetch",
      resource: "https://**/**",
      target: { from: ["prompt", ...sites], as: "url" },
      ...more,
    },
    {
      id: "web-post",
      action: "web.post",
      resource: "https://**/**",
      target: { from: ["prompt", ...sites], as: "url" },
      ...more,
    },
  ];
}

const FROM_LISTS = {
  people: ["people"],
  accounts: ["accounts"],
  names: ["names"],
  sites: ["sites"],
};
/** In a list a name and its address are entries of their own: they go together in a mapping. */
const PAIRS = {
  values: [{ user: "bob", user_email: "bob@corp.example.com" }, {
    user: "carla",
    user_email: "carla@corp.example.com",
  }, { user: "dora", user_email: "dora@client.example.org" }],
};

/** All policies, each with more than the one before. */
export const POLICIES: readonly Compared[] = [
  { name: "none", policy: { capabilities: ANYTHING }, isScoped: false },
  { name: "static", policy: { capabilities: STATIC }, isScoped: false },
  { name: "scope", policy: { capabilities: ANYTHING }, isScoped: true },
  {
    name: "scope + lists",
    policy: { lists: { ...LISTS, names: PAIRS }, capabilities: byOrigin(FROM_LISTS) },
    isScoped: true,
  },
  {
    name: "scope + lists + links",
    policy: {
      lists: { ...LISTS, names: PAIRS },
      capabilities: byOrigin({ ...FROM_LISTS, links: ["prompt", "sites"] }),
    },
    isScoped: true,
  },
  {
    name: "scope + sources, links, ask",
    policy: {
      sources: SOURCES,
      capabilities: byOrigin({
        people: ["contacts", "users"],
        accounts: ["payees"],
        names: ["users"],
        sites: ["intranet"],
        links: ["prompt", "intranet", "contacts"],
        more: { otherwise: "ask" },
      }),
    },
    isScoped: true,
  },
];
