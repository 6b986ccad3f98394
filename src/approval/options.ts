/**
 * Who answers, as an option of the kernel.
 *
 * @module
 */
import type { Approver } from "./approver.ts";
import type { ApprovalQuestion } from "./question.ts";

/** Who answers what rules with `approval` ask: an approver, or whoever has the inbox. */
export interface ApprovalOptions {
  /** An approver of your own. @default none */
  readonly approver?: Approver;
  /**
   * The folder of an inbox, answered by `agent-kernel approvals`, also from another process. The folder
   * above it has to exist. No action may read or change it. @default none
   */
  readonly path?: string;
  /**
   * How long a submit itself waits for the answer, in milliseconds, 0 included. Then it is denied with
   * `APPROVAL_PENDING`, and the question stays in the inbox until its time is over; an equal request takes
   * it up. An approver that cannot keep questions is waited for as long as the rule says.
   * @default the rule's `timeout`
   */
  readonly patienceMs?: number;
  /** Told of each question when it is asked, for example to tell a person. @default nobody is told */
  readonly onQuestion?: (question: ApprovalQuestion) => void;
}
