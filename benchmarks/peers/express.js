// Express and the official SDK for Node, asynchronous inside the request, as its documentation shows it.
"use strict";

const express = require("express");
const { MercadoPagoConfig, Payment } = require("mercadopago");
const { AppConfig } = require("mercadopago/dist/utils/config");
const { Webhook } = require("standardwebhooks");

// The one thing that its documentation does not show: where Mercado Pago is, in this run.
AppConfig.BASE_URL = process.env.MERCADOPAGO_API_URL;

const payments = new Payment(new MercadoPagoConfig({ accessToken: process.env.MERCADOPAGO_ACCESS_TOKEN }));
const webhook = new Webhook(process.env.MERCHANT_WEBHOOK_SECRET);
const app = express();

app.post("/notifications/merchant", express.raw({ type: "*/*" }), async (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers);
  } catch {
    return response.status(401).json({});
  }
  const id = event.data.payment_id;
  const payment = await payments.get({ id });
  if (payment.status === "authorized" && !payment.captured) {
    await payments.cancel({ id });
  }
  return response.json({});
});

app.listen(Number(process.env.PORT), "127.0.0.1");
