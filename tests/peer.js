// The official npm package as the other party: `validate` reads deliveries, `cancel` calls the Mercado Pago at a URL.
const { MercadoPagoConfig, Order, Payment, WebhookSignatureValidator } = require("mercadopago");
const { AppConfig } = require("mercadopago/dist/utils/config");

function validate({ xSignature, xRequestId, dataId, secret }) {
  try {
    WebhookSignatureValidator.validate({ xSignature, xRequestId, dataId, secret });
    return true;
  } catch (error) {
    return false;
  }
}

async function cancel({ url, token, payment, order }) {
  AppConfig.BASE_URL = url;
  const config = new MercadoPagoConfig({ accessToken: token });
  return {
    payment: (await new Payment(config).cancel({ id: payment })).status,
    order: (await new Order(config).cancel({ id: order })).status,
    again: await new Order(config).cancel({ id: order }).then(() => 200, (error) => error.status || error.statusCode),
  };
}

let text = "";
process.stdin.on("data", (chunk) => (text += chunk));
process.stdin.on("end", async () => {
  const { deliveries, calls } = JSON.parse(text);
  const told = deliveries ? deliveries.map(validate) : await cancel(calls);
  console.log(JSON.stringify(told));
});
