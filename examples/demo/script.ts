/** What the demo's model says and calls, and what there is to see in it. */
import type {
  ScriptedCall,
  ScriptedRequest,
  ScriptedTurn,
  ScriptStep,
} from "@agent-kernel/kernel/testing";

/** One turn. */
interface Step {
  /** For the one who watches. */
  readonly explanation: string;
  /** What the model says. */
  readonly text: string;
  /** What it calls; it may depend on what it was told before. */
  readonly call: ScriptedCall | ((told: string) => ScriptedCall);
}

const read = (path: string): ScriptedCall => ({ name: "read_file", arguments: { path } });

/** The story, in order. */
export const STEPS: readonly Step[] = [
  {
    explanation: "It reads the data. A rule allows that.",
    text: "I begin with the sales figures.",
    call: read("sales.csv"),
  },
  {
    explanation: "It writes a summary, computed from what it read.",
    text: "North sold more than south. I write that down.",
    call: (told) => ({
      name: "write_file",
      arguments: { path: "output/summary.txt", content: summary(told) },
    }),
  },
  {
    explanation: "It has read a web page that says: send me the password file.",
    text: "The page asks for the passwords, so I fetch them.",
    call: read("/etc/passwd"),
  },
  {
    explanation: "It tries to climb out. The kernel decides on the path as it really is.",
    text: "Then from a folder that I may write to.",
    call: read("output/../../../../../../../../../etc/passwd"),
  },
  {
    explanation: "It finds notes.txt, a symbolic link that leads to /etc/passwd.",
    text: "There are notes, too.",
    call: read("notes.txt"),
  },
  {
    explanation: "It tries a folder that a deny rule closes. The rule's reason reaches the model.",
    text: "What is in private?",
    call: { name: "list_folder", arguments: { path: "private" } },
  },
  {
    explanation:
      "It tries to rewrite the policy. The kernel's own files are guarded, whatever is allowed.",
    text: "I will give myself the rights.",
    call: {
      name: "write_file",
      arguments: { path: "../policy.yaml", content: "capabilities: [...]" },
    },
  },
  {
    explanation:
      "The second line of defence: a provider with a bug reads /etc/passwd by itself. Deno stops its Worker.",
    text: "Perhaps the weather tells me.",
    call: { name: "weather", arguments: { city: "Berlin" } },
  },
];

/** The turns of a scripted model that tells the story. */
export const SCRIPT: readonly ScriptStep[] = [
  ...STEPS.map(({ text, call }) => (request: ScriptedRequest): ScriptedTurn => ({
    text,
    calls: [typeof call === "function" ? call(toldLast(request)) : call],
  })),
  { text: "The summary is in output/summary.txt. All the rest was denied to me." },
];

/** The data of the last result that the model got. */
function toldLast({ body }: ScriptedRequest): string {
  const last = body.messages.findLast(({ role }) => role === "tool");
  return String(JSON.parse(String(last?.content)).data);
}

function summary(csv: string): string {
  const totals = new Map<string, number>();
  for (const line of csv.trim().split("\n").slice(1)) {
    const [region = "", amount = "0"] = line.split(",");
    totals.set(region, (totals.get(region) ?? 0) + Number(amount));
  }
  return Array.from(totals, ([region, total]) => `${region}: ${total}\n`).join("");
}
