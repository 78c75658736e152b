"""The limit of a cold start: Flask, requests, marshmallow and one client of AWS, and next to nothing done with them."""

import os

import boto3
import requests
from apig_wsgi import make_lambda_handler
from flask import Flask
from flask import request
from marshmallow import Schema
from marshmallow import fields

app = Flask(__name__)
sqs = boto3.client("sqs")
session = requests.Session()


class EventSchema(Schema):
    """One field."""

    type = fields.String(required=True)


schema = EventSchema(unknown="exclude")


@app.post("/<path:_path>")
def accept(_path: str) -> dict[str, str]:
    """Store what came."""
    schema.load(request.get_json())
    sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=request.get_data(as_text=True))
    return {"receipt": "accepted"}


handle = make_lambda_handler(app)
