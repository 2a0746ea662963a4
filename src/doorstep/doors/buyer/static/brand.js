// The sample beside the form shows what is typed, as it is typed.
const form = document.querySelector("[data-sample]");
const frame = document.querySelector("iframe.sample");
let waiting = 0;
form?.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const said = new URLSearchParams(new FormData(form));
    said.delete("proof");
    frame.contentWindow.location.replace(`${form.dataset.sample}?${said}`);
  }, 250);
});
for (const choice of document.querySelectorAll("[data-color-of]")) {
  const field = document.getElementById(choice.dataset.colorOf);
  choice.addEventListener("input", () => { field.value = choice.value; });
  field.addEventListener("input", () => { if (/^#[0-9a-f]{6}$/i.test(field.value)) choice.value = field.value; });
}
