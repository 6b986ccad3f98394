/**
 * What services that people look at are sent: a short message with a link to the whole question.
 *
 * @module
 */
import { escape as visibleText } from "../visible_text.ts";
import type { ApprovalQuestion } from "./question.ts";

/** What a message is made of. */
export interface MessageParts {
  readonly question: ApprovalQuestion;
  /** Where the question is shown whole, and answered. */
  readonly link: string;
  /** The chat of Telegram, or the topic of ntfy. */
  readonly to: string | undefined;
}

/** The forms of services. */
export type WebhookFormat = "json" | "slack" | "teams" | "telegram" | "ntfy";

/** Longest text of a message: all of it is behind the link. */
const MAX_TEXT = 600;
const TITLE = "An agent asks for approval";
const LABEL = "Look and answer";

/** The body of the request to a service. */
export const MESSAGES: Readonly<Record<WebhookFormat, (parts: MessageParts) => object>> = {
  json: ({ question, link }) => ({ question, link }),
  // https://docs.slack.dev/messaging/formatting-message-text: & < > are escaped; ` would end the code.
  slack: ({ question, link }) => ({
    text: `${TITLE}\n\`\`\`${
      summary(question).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
        .replaceAll("`", "'")
    }\`\`\`\n<${link}|${LABEL}>`,
    unfurl_links: false,
    unfurl_media: false,
  }),
  // An adaptive card; the text of a TextRun is not Markdown.
  teams: ({ question, link }) => ({
    type: "message",
    attachments: [{
      contentType: "application/vnd.microsoft.card.adaptive",
      content: {
        type: "AdaptiveCard",
        version: "1.4",
        body: [
          { type: "TextBlock", text: TITLE, weight: "bolder" },
          { type: "RichTextBlock", inlines: [{ type: "TextRun", text: summary(question) }] },
        ],
        actions: [{ type: "Action.OpenUrl", title: LABEL, url: link }],
      },
    }],
  }),
  // Without parse_mode the text is plain.
  telegram: ({ question, link, to }) => ({
    chat_id: to,
    text: `${TITLE}\n${summary(question)}`,
    link_preview_options: { is_disabled: true },
    reply_markup: { inline_keyboard: [[{ text: LABEL, url: link }]] },
  }),
  ntfy: ({ question, link, to }) => ({
    topic: to,
    title: TITLE,
    message: summary(question),
    actions: [{ action: "view", label: LABEL, url: link }],
  }),
};

/** The most important of a question, in plain text. What is cut is said to be. */
function summary({ action, target, agent, rule, reason }: ApprovalQuestion): string {
  const lines = [
    `action: ${visibleText(action)}`,
    `target: ${visibleText(target)}`,
    ...agent === undefined ? [] : [`agent: ${visibleText(agent)}`],
    `rule: ${visibleText(rule)}${reason === undefined ? "" : `: ${visibleText(reason)}`}`,
  ];
  const text = lines.join("\n");
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}… (cut, the link shows all)`;
}
